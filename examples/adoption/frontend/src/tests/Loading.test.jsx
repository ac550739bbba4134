import { render, screen } from '@testing-library/react'
import { expect, test } from 'vitest'
import Loading from '../components/Loading.jsx'

test('says that it is loading', () => {
  render(<Loading />)
  expect(screen.getByRole('status')).toHaveTextContent('Loading')
})

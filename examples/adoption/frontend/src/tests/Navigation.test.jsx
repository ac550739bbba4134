import { screen } from '@testing-library/react'
import { expect, test } from 'vitest'
import Navigation from '../components/Navigation.jsx'
import { renderAt } from './rendered.jsx'

test('marks the page that is shown', () => {
  renderAt('/offer', <Navigation />)
  expect(screen.getByRole('link', { name: 'Offer a dog' })).toHaveClass('active')
  expect(screen.getByRole('link', { name: 'Dogs' })).not.toHaveClass('active')
})

import { screen } from '@testing-library/react'
import { expect, test } from 'vitest'
import App from '../App.jsx'
import { renderAt } from './rendered.jsx'

test('an unknown address leads back to the dogs', () => {
  renderAt('/cats', <App />)
  expect(screen.getByRole('heading', { name: 'Page not found' })).toBeInTheDocument()
  expect(screen.getByRole('link', { name: 'To the dogs' })).toHaveAttribute('href', '/')
})

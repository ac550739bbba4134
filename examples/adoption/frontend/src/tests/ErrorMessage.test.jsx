import { render, screen } from '@testing-library/react'
import userEvent from '@testing-library/user-event'
import { expect, test, vi } from 'vitest'
import ErrorMessage from '../components/ErrorMessage.jsx'

test('shows the message', () => {
  render(<ErrorMessage message="It broke" />)
  expect(screen.getByRole('alert')).toHaveTextContent('It broke')
  expect(screen.queryByRole('button')).not.toBeInTheDocument()
})

test('offers another try', async () => {
  const retry = vi.fn()
  render(<ErrorMessage message="It broke" onRetry={retry} />)
  await userEvent.click(screen.getByRole('button', { name: 'Try again' }))
  expect(retry).toHaveBeenCalledOnce()
})

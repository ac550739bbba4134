import { render, screen } from '@testing-library/react'
import userEvent from '@testing-library/user-event'
import { expect, test, vi } from 'vitest'
import DogForm from '../components/DogForm.jsx'

async function fillIn(onSubmit) {
  const user = userEvent.setup()
  render(<DogForm onSubmit={onSubmit} />)
  await user.type(screen.getByLabelText('Name'), 'Rex')
  await user.type(screen.getByLabelText('Breed'), 'Poodle')
  await user.type(screen.getByLabelText('Age in years'), '3')
  await user.type(screen.getByLabelText('Description'), 'Likes children')
  await user.click(screen.getByRole('button', { name: 'Offer this dog' }))
}

test('gives the dog with its age as a number', async () => {
  const onSubmit = vi.fn().mockResolvedValue(undefined)
  await fillIn(onSubmit)
  expect(onSubmit).toHaveBeenCalledWith({ name: 'Rex', breed: 'Poodle', age: 3, description: 'Likes children' })
})

test('cannot be sent twice', async () => {
  await fillIn(() => new Promise(() => {}))
  expect(screen.getByRole('button', { name: 'Sending…' })).toBeDisabled()
})

test('keeps what was typed when it fails', async () => {
  await fillIn(() => Promise.reject(new Error('The server cannot be reached')))
  expect(await screen.findByRole('alert')).toHaveTextContent('The server cannot be reached')
  expect(screen.getByLabelText('Name')).toHaveValue('Rex')
  expect(screen.getByRole('button', { name: 'Offer this dog' })).toBeEnabled()
})

import { screen } from '@testing-library/react'
import userEvent from '@testing-library/user-event'
import { expect, test } from 'vitest'
import App from '../App.jsx'
import { answer, REX, renderAt, stubFetch } from './rendered.jsx'

test('shows the dogs at the start', async () => {
  stubFetch(answer([REX]))
  renderAt('/', <App />)
  expect(await screen.findByRole('article', { name: 'Rex' })).toBeInTheDocument()
})

test('a dog that is offered is in the list afterwards', async () => {
  const user = userEvent.setup()
  stubFetch(answer([]), answer({ message: 'Dog added', id: 1 }, 201), answer([REX]))
  renderAt('/', <App />)
  await user.click(await screen.findByRole('link', { name: 'Offer a dog' }))
  await user.type(screen.getByLabelText('Name'), 'Rex')
  await user.type(screen.getByLabelText('Breed'), 'Poodle')
  await user.type(screen.getByLabelText('Age in years'), '3')
  await user.type(screen.getByLabelText('Description'), 'Likes children')
  await user.click(screen.getByRole('button', { name: 'Offer this dog' }))
  expect(await screen.findByRole('article', { name: 'Rex' })).toBeInTheDocument()
  expect(screen.getByText('Rex is in the list now.')).toBeInTheDocument()
})

import { screen } from '@testing-library/react'
import userEvent from '@testing-library/user-event'
import { expect, test } from 'vitest'
import Home from '../pages/Home.jsx'
import { answer, REX, renderAt, stubFetch } from './rendered.jsx'

test('is loading first, then shows a card for each dog', async () => {
  stubFetch(answer([{ ...REX, id: 2, name: 'Luna' }, REX]))
  renderAt('/', <Home />)
  expect(screen.getByRole('status')).toBeInTheDocument()
  await screen.findByRole('heading', { name: 'Luna' })
  expect(screen.getAllByRole('article')).toHaveLength(2)
  expect(screen.queryByRole('status')).not.toBeInTheDocument()
})

test('says when there is no dog', async () => {
  stubFetch(answer([]))
  renderAt('/', <Home />)
  expect(await screen.findByText(/No dogs yet/)).toBeInTheDocument()
})

test('shows an error, and the dogs after another try', async () => {
  stubFetch(answer({ error: 'The database is not available' }, 503), answer([REX]))
  renderAt('/', <Home />)
  expect(await screen.findByRole('alert')).toHaveTextContent('The database is not available')
  await userEvent.click(screen.getByRole('button', { name: 'Try again' }))
  expect(await screen.findByRole('article', { name: 'Rex' })).toBeInTheDocument()
})

test('asks again after an adoption', async () => {
  const user = userEvent.setup()
  stubFetch(answer([REX]), answer({ message: 'Adoption recorded', id: 1 }), answer([{ ...REX, adopter: 'Ada' }]))
  renderAt('/', <Home />)
  await user.click(await screen.findByRole('button', { name: 'Adopt' }))
  await user.type(screen.getByLabelText('Your name'), 'Ada')
  await user.click(screen.getByRole('button', { name: 'Confirm' }))
  expect(await screen.findByText('Adopted by Ada')).toBeInTheDocument()
})

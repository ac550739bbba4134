import { screen } from '@testing-library/react'
import userEvent from '@testing-library/user-event'
import { expect, test } from 'vitest'
import OfferDog from '../pages/OfferDog.jsx'
import { answer, renderAt, sentBody, stubFetch } from './rendered.jsx'

test('shows what the API finds wrong', async () => {
  const user = userEvent.setup()
  const fetch = stubFetch(answer({ error: 'name must be a text that is not empty' }, 400))
  renderAt('/offer', <OfferDog />)
  await user.type(screen.getByLabelText('Name'), ' ')
  await user.type(screen.getByLabelText('Breed'), 'Poodle')
  await user.type(screen.getByLabelText('Age in years'), '3')
  await user.type(screen.getByLabelText('Description'), 'Likes children')
  await user.click(screen.getByRole('button', { name: 'Offer this dog' }))
  expect(await screen.findByRole('alert')).toHaveTextContent('name must be a text')
  expect(fetch.mock.calls[0][0]).toBe('/api/dogs')
  expect(sentBody(fetch).age).toBe(3)
})

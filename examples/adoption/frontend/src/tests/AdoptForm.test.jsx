import { render, screen } from '@testing-library/react'
import userEvent from '@testing-library/user-event'
import { expect, test, vi } from 'vitest'
import AdoptForm from '../components/AdoptForm.jsx'
import { answer, sentBody, stubFetch } from './rendered.jsx'

async function fillIn(adopted) {
  const user = userEvent.setup()
  render(<AdoptForm dogId={4} onAdopted={adopted} onCancel={() => {}} />)
  await user.type(screen.getByLabelText('Your name'), 'Ada')
  await user.click(screen.getByRole('button', { name: 'Confirm' }))
}

test('sends the dog and the name', async () => {
  const fetch = stubFetch(answer({ message: 'Adoption recorded' }))
  const adopted = vi.fn()
  await fillIn(adopted)
  await vi.waitFor(() => expect(adopted).toHaveBeenCalledOnce())
  expect(fetch.mock.calls[0][0]).toBe('/api/adoption')
  expect(sentBody(fetch)).toEqual({ dog_id: 4, adopter: 'Ada' })
})

test('shows why it did not work', async () => {
  stubFetch(answer({ error: 'This dog has a home already' }, 409))
  const adopted = vi.fn()
  await fillIn(adopted)
  expect(await screen.findByRole('alert')).toHaveTextContent('This dog has a home already')
  expect(adopted).not.toHaveBeenCalled()
})

import { render, screen } from '@testing-library/react'
import userEvent from '@testing-library/user-event'
import { expect, test } from 'vitest'
import DogCard from '../components/DogCard.jsx'
import { REX } from './rendered.jsx'

test('tells about the dog', () => {
  render(<DogCard dog={REX} />)
  expect(screen.getByRole('heading', { name: 'Rex' })).toBeInTheDocument()
  expect(screen.getByText('Poodle, 3 years')).toBeInTheDocument()
  expect(screen.getByText('Likes children')).toBeInTheDocument()
})

test('one year is not years', () => {
  render(<DogCard dog={{ ...REX, age: 1 }} />)
  expect(screen.getByText('Poodle, 1 year')).toBeInTheDocument()
})

test('names who adopted it, and offers it no more', () => {
  render(<DogCard dog={{ ...REX, adopter: 'Ada' }} />)
  expect(screen.getByText('Adopted by Ada')).toBeInTheDocument()
  expect(screen.queryByRole('button', { name: 'Adopt' })).not.toBeInTheDocument()
})

test('opens the form and closes it again', async () => {
  render(<DogCard dog={REX} />)
  await userEvent.click(screen.getByRole('button', { name: 'Adopt' }))
  expect(screen.getByLabelText('Your name')).toBeInTheDocument()
  await userEvent.click(screen.getByRole('button', { name: 'Cancel' }))
  expect(screen.queryByLabelText('Your name')).not.toBeInTheDocument()
})

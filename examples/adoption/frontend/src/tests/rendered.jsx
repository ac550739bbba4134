import { render } from '@testing-library/react'
import { MemoryRouter } from 'react-router'
import { vi } from 'vitest'

export const REX = { id: 1, name: 'Rex', breed: 'Poodle', age: 3, description: 'Likes children', adopter: null }

export function renderAt(path, element) {
  return render(<MemoryRouter initialEntries={[path]}>{element}</MemoryRouter>)
}

export function answer(body, status = 200) {
  return new Response(JSON.stringify(body), { status, headers: { 'Content-Type': 'application/json' } })
}

// Each call of fetch gets the next of these answers.
export function stubFetch(...answers) {
  const fetch = vi.fn()
  for (const next of answers) {
    if (next instanceof Error) fetch.mockRejectedValueOnce(next)
    else fetch.mockResolvedValueOnce(next)
  }
  vi.stubGlobal('fetch', fetch)
  return fetch
}

export function sentBody(fetch, call = 0) {
  return JSON.parse(fetch.mock.calls[call][1].body)
}

import { expect, test } from 'vitest'
import { addDog, getDogs } from '../api.js'
import { answer, stubFetch } from './rendered.jsx'

test('gives what the API answers', async () => {
  stubFetch(answer([{ id: 1 }]))
  expect(await getDogs()).toEqual([{ id: 1 }])
})

test('fails with the words of the API', async () => {
  stubFetch(answer({ error: 'age must be a whole number' }, 400))
  await expect(addDog({})).rejects.toThrow('age must be a whole number')
})

test('fails with the status when the answer is no JSON', async () => {
  stubFetch(new Response('<html>Bad Gateway</html>', { status: 502 }))
  await expect(getDogs()).rejects.toThrow('The server answered 502')
})

test('says when there is no server', async () => {
  stubFetch(new TypeError('Failed to fetch'))
  await expect(getDogs()).rejects.toThrow('The server cannot be reached')
})

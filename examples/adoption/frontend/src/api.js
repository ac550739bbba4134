// All requests go to the address the page came from; NGINX passes /api/ on.
async function send(path, options) {
  let response
  try {
    response = await fetch(path, options)
  } catch (error) {
    if (error.name === 'AbortError') throw error
    throw new Error('The server cannot be reached')
  }
  // An error page of a proxy is no JSON.
  const body = await response.json().catch(() => null)
  if (!response.ok) throw new Error(body?.error ?? `The server answered ${response.status}`)
  return body
}

function post(path, data) {
  return send(path, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(data),
  })
}

export function getDogs(signal) {
  return send('/api/dogs', { signal })
}

export function addDog(dog) {
  return post('/api/dogs', dog)
}

export function adoptDog(dogId, adopter) {
  return post('/api/adoption', { dog_id: dogId, adopter })
}

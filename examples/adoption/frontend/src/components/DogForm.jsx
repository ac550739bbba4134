import { useState } from 'react'
import ErrorMessage from './ErrorMessage.jsx'

const EMPTY = { name: '', breed: '', age: '', description: '' }

// `onSubmit` gets the dog and returns a promise; what it rejects with is shown, and the fields keep what was typed.
export default function DogForm({ onSubmit }) {
  const [fields, setFields] = useState(EMPTY)
  const [sending, setSending] = useState(false)
  const [error, setError] = useState(null)

  function change(event) {
    setFields({ ...fields, [event.target.name]: event.target.value })
  }

  async function submit(event) {
    event.preventDefault()
    setSending(true)
    setError(null)
    try {
      // An input's value is always a text, and the API wants a number.
      await onSubmit({ ...fields, age: Number(fields.age) })
    } catch (failure) {
      setError(failure.message)
      setSending(false)
    }
  }

  return (
    <form onSubmit={submit} aria-label="Offer a dog">
      {error && <ErrorMessage message={error} />}
      <div className="mb-3">
        <label className="form-label" htmlFor="name">Name</label>
        <input id="name" name="name" className="form-control" value={fields.name} onChange={change} maxLength={60} required />
      </div>
      <div className="mb-3">
        <label className="form-label" htmlFor="breed">Breed</label>
        <input id="breed" name="breed" className="form-control" value={fields.breed} onChange={change} maxLength={60} required />
      </div>
      <div className="mb-3">
        <label className="form-label" htmlFor="age">Age in years</label>
        <input
          id="age" name="age" type="number" min="0" step="1" className="form-control"
          value={fields.age} onChange={change} required
        />
      </div>
      <div className="mb-3">
        <label className="form-label" htmlFor="description">Description</label>
        <textarea
          id="description" name="description" className="form-control" rows="3"
          value={fields.description} onChange={change} maxLength={1000} required
        />
      </div>
      <button type="submit" className="btn btn-primary" disabled={sending}>
        {sending ? 'Sending…' : 'Offer this dog'}
      </button>
    </form>
  )
}

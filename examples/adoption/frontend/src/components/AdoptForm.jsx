import { useId, useState } from 'react'
import { adoptDog } from '../api.js'
import ErrorMessage from './ErrorMessage.jsx'

export default function AdoptForm({ dogId, onAdopted, onCancel }) {
  const [adopter, setAdopter] = useState('')
  const [sending, setSending] = useState(false)
  const [error, setError] = useState(null)
  const inputId = useId()

  async function submit(event) {
    event.preventDefault()
    setSending(true)
    setError(null)
    try {
      await adoptDog(dogId, adopter.trim())
      onAdopted()
    } catch (failure) {
      setError(failure.message)
      setSending(false)
    }
  }

  return (
    <form onSubmit={submit}>
      {error && <ErrorMessage message={error} />}
      <label className="form-label" htmlFor={inputId}>Your name</label>
      <input
        id={inputId} className="form-control form-control-sm mb-2" value={adopter} maxLength={60} required
        onChange={(event) => setAdopter(event.target.value)}
      />
      <button type="submit" className="btn btn-primary btn-sm me-2" disabled={sending}>Confirm</button>
      <button type="button" className="btn btn-link btn-sm" onClick={onCancel}>Cancel</button>
    </form>
  )
}

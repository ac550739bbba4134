import { useState } from 'react'
import AdoptForm from './AdoptForm.jsx'

export default function DogCard({ dog, onAdopted }) {
  const [asking, setAsking] = useState(false)

  return (
    <article className="card h-100" aria-label={dog.name}>
      <div className="card-body">
        <h2 className="card-title h5 text-break">{dog.name}</h2>
        <p className="card-subtitle text-body-secondary text-break">
          {dog.breed}, {dog.age} {dog.age === 1 ? 'year' : 'years'}
        </p>
        <p className="card-text mt-2 text-break">{dog.description}</p>
      </div>
      <div className="card-footer">
        {dog.adopter && <span className="badge text-bg-success text-wrap text-break">Adopted by {dog.adopter}</span>}
        {!dog.adopter && !asking && (
          <button type="button" className="btn btn-outline-primary btn-sm" onClick={() => setAsking(true)}>Adopt</button>
        )}
        {!dog.adopter && asking && (
          <AdoptForm dogId={dog.id} onAdopted={onAdopted} onCancel={() => setAsking(false)} />
        )}
      </div>
    </article>
  )
}

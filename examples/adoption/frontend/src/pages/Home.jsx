import { useEffect, useState } from 'react'
import { Link, useLocation } from 'react-router'
import { getDogs } from '../api.js'
import DogCard from '../components/DogCard.jsx'
import ErrorMessage from '../components/ErrorMessage.jsx'
import Loading from '../components/Loading.jsx'

export default function Home() {
  const [dogs, setDogs] = useState(null)
  const [error, setError] = useState(null)
  const [round, setRound] = useState(0)
  const location = useLocation()

  useEffect(() => {
    const controller = new AbortController()
    getDogs(controller.signal)
      .then(setDogs)
      .catch((failure) => {
        // Somebody left the page meanwhile: nothing to tell anyone.
        if (!controller.signal.aborted) setError(failure.message)
      })
    return () => controller.abort()
  }, [round])

  function reload() {
    setError(null)
    setRound(round + 1)
  }

  // What is on the page may be old by now: it goes until there is an answer.
  function retry() {
    setDogs(null)
    reload()
  }

  if (error) return <ErrorMessage message={error} onRetry={retry} />
  if (dogs === null) return <Loading />
  return (
    <>
      {location.state?.added && <div className="alert alert-success">{location.state.added} is in the list now.</div>}
      <h1>Dogs looking for a home</h1>
      {dogs.length === 0 && <p>No dogs yet. <Link to="/offer">Offer the first one.</Link></p>}
      <div className="row row-cols-1 row-cols-md-3 g-4">
        {dogs.map((dog) => (
          <div className="col" key={dog.id}>
            <DogCard dog={dog} onAdopted={reload} />
          </div>
        ))}
      </div>
    </>
  )
}

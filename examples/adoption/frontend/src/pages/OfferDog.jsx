import { useNavigate } from 'react-router'
import { addDog } from '../api.js'
import DogForm from '../components/DogForm.jsx'

export default function OfferDog() {
  const navigate = useNavigate()

  async function offer(dog) {
    await addDog(dog)
    navigate('/', { state: { added: dog.name } })
  }

  return (
    <>
      <h1>Offer a dog</h1>
      <DogForm onSubmit={offer} />
    </>
  )
}

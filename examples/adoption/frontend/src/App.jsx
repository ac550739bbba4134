import { Route, Routes } from 'react-router'
import Navigation from './components/Navigation.jsx'
import Home from './pages/Home.jsx'
import NotFound from './pages/NotFound.jsx'
import OfferDog from './pages/OfferDog.jsx'

export default function App() {
  return (
    <>
      <Navigation />
      <main className="container py-4">
        <Routes>
          <Route path="/" element={<Home />} />
          <Route path="/offer" element={<OfferDog />} />
          <Route path="*" element={<NotFound />} />
        </Routes>
      </main>
    </>
  )
}

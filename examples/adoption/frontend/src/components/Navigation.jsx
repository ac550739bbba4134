import { NavLink } from 'react-router'

export default function Navigation() {
  return (
    <nav className="navbar navbar-expand bg-dark" data-bs-theme="dark" aria-label="Main">
      <div className="container">
        <NavLink className="navbar-brand" to="/">Dog adoption</NavLink>
        <div className="navbar-nav">
          <NavLink className="nav-link" to="/" end>Dogs</NavLink>
          <NavLink className="nav-link" to="/offer">Offer a dog</NavLink>
        </div>
      </div>
    </nav>
  )
}

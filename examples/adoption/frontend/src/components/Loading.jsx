export default function Loading() {
  return (
    <div className="text-center my-5" role="status">
      <div className="spinner-border" aria-hidden="true" />
      <p>Loading…</p>
    </div>
  )
}

# Makes the databases at the first start, then becomes the server: what ends the server ends the container.
set -eu

if [ ! -s "$PGDATA/PG_VERSION" ]; then
  # Beside its place and moved at the end: a start that is broken off leaves nothing that looks whole.
  new="$PGDATA.new"
  rm -rf "$new"
  initdb --pgdata="$new" --username="$POSTGRES_USER" --pwfile=/dev/stdin --encoding=UTF8 --locale=C.UTF-8 \
    --auth-local=trust --auth-host=scram-sha-256 <<PASSWORD
$POSTGRES_PASSWORD
PASSWORD
  echo "host all all all scram-sha-256" >>"$new/pg_hba.conf"
  echo "CREATE DATABASE \"$POSTGRES_DB\"" | postgres --single -D "$new" postgres
  mv "$new" "$PGDATA"
fi
exec postgres -c listen_addresses='*' "$@"

# Sourced by the image's entry point, after the schema. While it runs, the server listens on its socket only, whose path the
# entry point keeps in a variable of its own.
init_socket="${SOCKET:-${socket:-/run/mysqld/mysqld.sock}}"

# The API adds, reads and updates dogs; it has no business dropping tables, which the image's own grant would let it do.
mysql --socket="$init_socket" -u root --password="$MYSQL_ROOT_PASSWORD" --default-character-set=utf8mb4 "$MYSQL_DATABASE" <<SQL
REVOKE ALL PRIVILEGES, GRANT OPTION FROM '$MYSQL_USER'@'%';
GRANT SELECT, INSERT, UPDATE ON \`$MYSQL_DATABASE\`.* TO '$MYSQL_USER'@'%';

INSERT INTO dogs (name, breed, age, description) VALUES
  ('Bella', 'Beagle', 4, 'Follows her nose and then her friends.'),
  ('Rocky', 'Boxer', 7, 'Calm in the house, a clown in the garden.'),
  ('Luna', 'Mixed breed', 2, 'Learns quickly and sleeps deeply.');
SQL

// Run by the image's entry point through mongosh, once, on an empty volume: the application's own user, with readWrite on
// its one database and nothing else. The password is read here, so that it is never in an environment, on a command line
// or in a log.
//
// The entry point runs this once only: should the container be killed between the creation of the data files and this
// line, the user is missing for good. It may therefore be run again by hand, as root, and then sets the password anew:
//
//   kubectl -n shelter exec -it mongodb-0 -- mongosh --username root --authenticationDatabase admin \
//     mongodb://127.0.0.1/admin /docker-entrypoint-initdb.d/10-app-user.js
const fs = require('fs');

const name = 'shelter-app';
const target = db.getSiblingDB('shelter');
const mounted = '/run/secrets/mongodb-app';
// Tools that write files end them with a newline, which is no part of the password.
const pwd = fs.readFileSync(`${mounted}/app-password`, 'utf8').replace(/\r?\n$/, '');
if (pwd === '') {
  throw new Error(`${mounted}/app-password is empty`);
}

const roles = [{ role: 'readWrite', db: 'shelter' }];
if (target.getUser(name) === null) {
  target.createUser({ user: name, pwd, roles });
} else {
  target.updateUser(name, { pwd, roles });
}

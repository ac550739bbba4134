// Reads documents inside the database's own pod, with the credentials of its own environment. Run by mongosh with --nodb; nothing
// secret is printed. `ASKED` is put before it as JSON: {op: "locate", mark} | {op: "read", place, prefix, until, limit} | {op: "identity"}.
const fs = require("fs");
const secret = (name) => process.env[name] || (process.env[name + "_FILE"] ? fs.readFileSync(process.env[name + "_FILE"], "utf8").trim() : "");
const connection = new Mongo("mongodb://127.0.0.1:" + (ASKED.port || 27017) + "/?directConnection=true&serverSelectionTimeoutMS=8000");
const user = secret("MONGO_INITDB_ROOT_USERNAME") || secret("MONGODB_ROOT_USER");
const password = secret("MONGO_INITDB_ROOT_PASSWORD") || secret("MONGODB_ROOT_PASSWORD");
const admin = connection.getDB("admin");
if (user && password) admin.auth(user, password);
const own = new Set(["admin", "config", "local"]);
const paths = (value, path, found) => {
  if (typeof value === "string") found.push([path, value]);
  else if (value && typeof value === "object" && !value._bsontype)
    for (const key of Object.keys(value)) paths(value[key], path ? path + "." + key : key, found);
  return found;
};
// Calls of the shell are made at the top level of loops: it cannot wait for them within generators and callbacks.
let answer = {};
if (ASKED.op === "locate") {
  answer = { places: [] };
  for (const base of admin.adminCommand({ listDatabases: 1, nameOnly: true }).databases) {
    if (own.has(base.name)) continue;
    const database = connection.getDB(base.name);
    for (const info of database.getCollectionInfos()) {
      if (info.type === "view" || info.name.startsWith("system.")) continue;
      // The newest first: what was just written is among them.
      const newest = database.getCollection(info.name).find().sort({ _id: -1 }).limit(ASKED.limit).toArray();
      for (const document of newest)
        for (const [path, text] of paths(document, "", [])) if (text.includes(ASKED.mark)) answer.places.push([base.name, info.name, path]);
    }
  }
} else if (ASKED.op === "read") {
  const [base, name, path] = ASKED.place;
  const chosen = ASKED.prefix ? { [path]: { $regex: ASKED.prefix } } : {};
  const found = connection.getDB(base).getCollection(name).find(chosen).sort({ _id: 1 }).limit(ASKED.limit + 1).toArray();
  answer = { documents: found.map((document) => EJSON.stringify(document, { relaxed: false })) };
} else {
  const hello = admin.adminCommand({ hello: 1 });
  const build = admin.adminCommand({ buildInfo: 1 });
  let started = null;
  try {
    const status = admin.adminCommand({ serverStatus: 1 });
    const uptime = status.uptimeMillis === undefined ? Number(status.uptime) : Number(status.uptimeMillis) / 1000;
    started = status.localTime.getTime() / 1000 - uptime;
  } catch (error) {
    started = null;
  }
  const ferret = build.ferretdbVersion || (build.ferretdb || {}).version;
  const name = hello.topologyVersion ? String(hello.topologyVersion.processId) : "";
  answer = { process: name, started, server: ferret ? "FerretDB " + ferret : "mongod " + build.version };
}
print("ANSWER " + JSON.stringify(answer));

// Reads documents inside the database's own pod. Run with --nodb by mongosh, or by the mongo shell of images before MongoDB 6: it is written
// in ECMAScript 5, which both run, and nothing secret is printed. `ASKED` is put before it as JSON: {op: "locate", mark, wanted, limit, most, most_s} |
// {op: "read", place, prefix, until, limit} | {op: "summary", most, limit} | {op: "identity"}. User, password and the database that keeps the user come by the
// environment of mongosh; mongo cannot see its own, and gets them line by line on standard input.
var legacy = typeof EJSON === "undefined";
var given = legacy
  ? cat("/dev/stdin").split("\n")
  : [process.env.SHELTERCTL_USER || "", process.env.SHELTERCTL_PASSWORD || "", process.env.SHELTERCTL_SOURCE || ""];
var address = "127.0.0.1:" + (ASKED.port || 27017);
var connection = new Mongo(legacy ? address : "mongodb://" + address + "/?directConnection=true&serverSelectionTimeoutMS=8000");
var admin = connection.getDB("admin");
// mongosh throws where mongo answers 0.
if (given[0] && given[1] && !connection.getDB(given[2] || "admin").auth(given[0], given[1])) throw new Error("Authentication failed.");
var own = ["admin", "config", "local"];
function number(value) {
  return typeof value === "number" ? value : value && typeof value.toNumber === "function" ? value.toNumber() : Number(value);
}
function paths(value, path, found) {
  if (typeof value === "string") found.push([path, value]);
  else if (value && typeof value === "object" && !value._bsontype)
    Object.keys(value).forEach(function (key) { paths(value[key], path ? path + "." + key : key, found); });
  return found;
}
var opaque = legacy ? [Timestamp, BinData, DBRef, RegExp].concat(typeof NumberDecimal === "undefined" ? [] : [NumberDecimal]) : [];
// Canonical extended JSON for mongo, which has no EJSON, as far as documents are told apart by it.
function extended(value) {
  if (value === null || value === undefined) return null;
  if (typeof value !== "object") return value;
  if (Array.isArray(value)) return value.map(extended);
  if (value instanceof ObjectId) return { $oid: value.str || String(value) };
  if (value instanceof Date) return { $date: { $numberLong: String(value.getTime()) } };
  if (value instanceof NumberLong) return { $numberLong: String(value).replace(/[^-0-9]/g, "") };
  if (value instanceof NumberInt) return { $numberInt: String(value).replace(/[^-0-9]/g, "") };
  for (var i = 0; i < opaque.length; i++) if (value instanceof opaque[i]) return { $shown: tojson(value) };
  var found = {};
  Object.keys(value).forEach(function (key) { found[key] = extended(value[key]); });
  return found;
}
// Goes on with a hash over documents, where the server makes none: two polynomials by the primes 2^40 - 87 and 2^40 - 167, exact in doubles.
function hashed_on(sums, text) {
  for (var at = 0; at < text.length; at++) {
    sums[0] = (sums[0] * 4099 + text.charCodeAt(at) + 1) % 1099511627689;
    sums[1] = (sums[1] * 2053 + text.charCodeAt(at) + 1) % 1099511627609;
  }
  return [(sums[0] * 4099) % 1099511627689, (sums[1] * 2053) % 1099511627609];
}
// Calls of the shell are made at the top level of loops: mongosh cannot wait for them within generators and callbacks.
var answer = {}, i, j, k, l;
if (ASKED.op === "locate") {
  answer = { places: [] };
  var listed = admin.adminCommand({ listDatabases: 1, nameOnly: true });
  if (!listed.ok) throw new Error(listed.errmsg);
  var collections = [];
  for (i = 0; i < listed.databases.length; i++) {
    var base = listed.databases[i].name;
    if (own.indexOf(base) >= 0) continue;
    var infos = connection.getDB(base).getCollectionInfos();
    for (j = 0; j < infos.length; j++)
      if (infos[j].type !== "view" && infos[j].name.indexOf("system.") !== 0) collections.push([base, infos[j].name]);
  }
  // Where the owner names the place, the server looks through all of it first. Then what was inserted last comes first, whatever its _id is; then
  // the largest _ids, for a server that keeps no such order; then what was changed in its place, as far as the bounds let.
  var passes = [[{ $natural: -1 }, ASKED.limit], [{ _id: -1 }, ASKED.limit], [{ $natural: -1 }, ASKED.most]];
  var until = Date.now() + ASKED.most_s * 1000, name = (ASKED.wanted || "").split(":"), chosen_only = {};
  if (ASKED.wanted) {
    chosen_only[name.slice(1).join(":")] = { $regex: ASKED.mark };
    passes.unshift([null, ASKED.limit]);
  }
  for (i = 0; i < passes.length && !answer.places.length; i++) {
    for (j = 0; j < collections.length && Date.now() < until; j++) {
      var spoken = collections[j].join(".");
      if (ASKED.wanted && spoken !== name[0] && spoken.slice(-name[0].length - 1) !== "." + name[0]) continue;
      try {
        var cursor = connection.getDB(collections[j][0]).getCollection(collections[j][1]).find(passes[i][0] ? {} : chosen_only);
        if (passes[i][0]) cursor = cursor.sort(passes[i][0]);
        cursor = cursor.limit(passes[i][1]);
        while (cursor.hasNext()) {
          if (Date.now() > until) break;
          var texts = paths(cursor.next(), "", []);
          for (k = 0; k < texts.length; k++) if (texts[k][1].indexOf(ASKED.mark) >= 0) answer.places.push(collections[j].concat([texts[k][0]]));
        }
      } catch (error) {
        // Not every server knows the order of its records.
        if (!passes[i][0] || !passes[i][0].$natural) throw error;
      }
    }
  }
} else if (ASKED.op === "read") {
  var chosen = {};
  if (ASKED.prefix) chosen[ASKED.place[2]] = { $regex: ASKED.prefix };
  var documents = connection.getDB(ASKED.place[0]).getCollection(ASKED.place[1]).find(chosen).sort({ _id: 1 }).limit(ASKED.limit + 1).toArray();
  answer = { documents: [] };
  for (i = 0; i < documents.length; i++)
    answer.documents.push(legacy ? JSON.stringify(extended(documents[i])) : EJSON.stringify(documents[i], { relaxed: false }));
} else if (ASKED.op === "summary") {
  answer = { collections: [] };
  var all = admin.adminCommand({ listDatabases: 1, nameOnly: true });
  if (!all.ok) throw new Error(all.errmsg);
  for (i = 0; i < all.databases.length; i++) {
    if (own.indexOf(all.databases[i].name) >= 0) continue;
    var held = connection.getDB(all.databases[i].name), kept = held.getCollectionInfos(), counts = [], total = 0, hashes = {};
    for (j = 0; j < kept.length; j++) {
      if (kept[j].type === "view" || kept[j].name.indexOf("system.") === 0) continue;
      // What the server says without looking may be wrong after a kill: each document is counted.
      var whole = held.getCollection(kept[j].name);
      var count = number(typeof whole.countDocuments === "function" ? whole.countDocuments({}) : whole.find().itcount());
      counts.push([kept[j].name, count]);
      total += count;
    }
    if (total <= ASKED.most) {
      try {
        var hashed = held.runCommand({ dbHash: 1 });
        if (hashed.ok) hashes = hashed.collections || {};
      } catch (error) {
        hashes = {};
      }
    }
    for (j = 0; j < counts.length; j++) {
      var source = held.getCollection(counts[j][0]), sum = hashes[counts[j][0]] || "", expires = false;
      if (!sum && counts[j][1] <= ASKED.limit) {
        var ordered = source.find().sort({ _id: 1 }).toArray();
        var sums = [1, 1];
        for (k = 0; k < ordered.length; k++)
          sums = hashed_on(sums, legacy ? JSON.stringify(extended(ordered[k])) : EJSON.stringify(ordered[k], { relaxed: false }));
        sum = sums.join("-");
      }
      var indexes = source.getIndexes();
      for (k = 0; k < indexes.length; k++) if (indexes[k].expireAfterSeconds !== undefined) expires = true;
      answer.collections.push([all.databases[i].name, counts[j][0], counts[j][1], String(sum), expires]);
    }
  }
} else {
  var hello = null;
  try {
    hello = admin.adminCommand({ hello: 1 });
  } catch (error) {
    hello = null;
  }
  // Before 4.4.2 it has the name of old only.
  if (!hello || !hello.ok) hello = admin.adminCommand({ isMaster: 1 });
  var build = admin.adminCommand({ buildInfo: 1 });
  var started = null;
  try {
    var status = admin.adminCommand({ serverStatus: 1 });
    var uptime = status.uptimeMillis === undefined ? number(status.uptime) : number(status.uptimeMillis) / 1000;
    started = status.localTime.getTime() / 1000 - uptime;
  } catch (error) {
    started = null;
  }
  var ferret = build.ferretdbVersion || (build.ferretdb || {}).version;
  var process_id = hello.topologyVersion ? hello.topologyVersion.processId : "";
  answer = {
    process: process_id ? String(process_id.str || process_id) : "",
    started: started,
    server: ferret ? "FerretDB " + ferret : "mongod " + build.version,
  };
}
print("ANSWER " + JSON.stringify(answer));

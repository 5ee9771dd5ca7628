#include "node/api/modules/backup.hpp"

#include "node/api/route.hpp"

namespace weft::api {

Json to_json(const BackupResult& r) { return {{"schema", "weft.backup/1"}, {"file", r.file}}; }

namespace {

void run_backup(Backups& part, Call& call) {
  const auto file = call.text("file");
  if (!file.starts_with('/'))
    return send_error(call.answer, Code::Usage,
                      "\"" + file.substr(0, 80) + "\" is no absolute path",
                      "the daemon works in another directory", "begin the path with /");
  part.backup({file}, done<BackupResult>(call));
}

}  // namespace

std::vector<Route> backup_routes() {
  return {{"POST",
           "/api/v1/backup",
           "Write keys and state to a new file",
           "weft.backup/1",
           {{"file", Type::Text, true, "absolute path of a file that is not there", 4096}},
           run_backup,
           "backup"}};
}

}  // namespace weft::api

// "METHOD TARGET\n" and a body, into the router over a fake daemon: exactly one answer, always an
// envelope, never more than one call of the daemon.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include <nlohmann/json.hpp>

#include "base/assert.hpp"
#include "node/api/json.hpp"
#include "node/api/routes.hpp"
#include "tests/api/fake_control.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace weft::api;
  const std::string_view all(reinterpret_cast<const char*>(data), size);
  const auto line = all.substr(0, all.find('\n'));
  const auto space = line.find(' ');
  if (space == std::string_view::npos) return 0;
  FakeControl control;
  const Router router(control);
  ApiRequest request;
  request.method = line.substr(0, space);
  request.target = line.substr(space + 1);
  request.content_type = "application/json";
  request.body = all.substr(std::min(all.size(), line.size() + 1));
  int answers = 0;
  router.handle(request, [&](ApiAnswer answer) {
    ++answers;
    if (answer.status == 101) return answer.adopt(-1, {});
    if (answer.stream) return;
    const auto body = Json::parse(answer.body, nullptr, false);
    WEFT_ASSERT(body.is_object());
    WEFT_ASSERT(body.contains("success") || body.contains("openapi"));
  });
  WEFT_ASSERT(control.calls <= 1);
  WEFT_ASSERT(answers == 1 || !control.waiting.empty());
  return 0;
}

#include <arpa/inet.h>
#include <natpmp.h>
#include <poll.h>

#include <algorithm>

#include "node/io/clock.hpp"
#include "node/portmap/router.hpp"

namespace weft::node {

namespace {

class NatPmp {
 public:
  explicit NatPmp(const Ending& ending) : ending_(ending), open_(initnatpmp(&state_, 0, 0) == 0) {}
  ~NatPmp() {
    if (open_) closenatpmp(&state_);
  }
  NatPmp(const NatPmp&) = delete;
  NatPmp& operator=(const NatPmp&) = delete;

  [[nodiscard]] bool is_open() const { return open_; }
  natpmp_t& state() { return state_; }

  // RFC 6886 3.1: 250 ms, doubling; the library keeps that time, and `until` ends it.
  Result<natpmpresp_t> answer(Instant until) {
    for (;;) {
      natpmpresp_t response{};
      const int got = readnatpmpresponseorretry(&state_, &response);
      if (got == 0) return response;
      if (got == NATPMP_ERR_NOTAUTHORIZED || got == NATPMP_ERR_NETWORKFAILURE ||
          got == NATPMP_ERR_OUTOFRESOURCES)
        return fail(Errc::Denied, "the router refuses a mapping (NAT-PMP)");
      if (got != NATPMP_TRYAGAIN || io::monotonic_time() >= until || ending_())
        return fail(Errc::NotFound, "no router answers NAT-PMP");
      timeval wait{};
      getnatpmprequesttimeout(&state_, &wait);
      pollfd ready{state_.s, POLLIN, 0};
      const auto ms = wait.tv_sec * 1000 + wait.tv_usec / 1000 + 1;
      ::poll(&ready, 1, static_cast<int>(std::min<long>(ms, 50)));
    }
  }

 private:
  const Ending& ending_;
  natpmp_t state_{};
  bool open_;
};

class NatPmpRouter final : public Router {
 public:
  NatPmpRouter(Duration patience, Ending ending)
      : patience_(patience), ending_(std::move(ending)) {}

  [[nodiscard]] std::string protocol() const override { return "nat-pmp"; }

  [[nodiscard]] Result<Grant> map(std::uint16_t port, Duration lease) override {
    NatPmp pmp(ending_);
    if (!pmp.is_open()) return fail(Errc::NotFound, "there is no default gateway");
    const Instant until = io::monotonic_time() + patience_;
    sendpublicaddressrequest(&pmp.state());
    WEFT_TRY(const auto address, pmp.answer(until));
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(lease).count();
    sendnewportmappingrequest(&pmp.state(), NATPMP_PROTOCOL_UDP, port, port,
                              static_cast<std::uint32_t>(seconds));
    WEFT_TRY(const auto mapped, pmp.answer(until));
    if (mapped.type != NATPMP_RESPTYPE_UDPPORTMAPPING)
      return fail(Errc::NotFound, "no router answers NAT-PMP");
    const auto outside = ntohl(address.pnu.publicaddress.addr.s_addr);
    return Grant{Endpoint::v4(outside, mapped.pnu.newportmapping.mappedpublicport),
                 std::chrono::seconds(mapped.pnu.newportmapping.lifetime)};
  }

  void unmap(std::uint16_t port) override {
    const Ending never = [] { return false; };
    NatPmp pmp(never);
    if (!pmp.is_open()) return;
    sendnewportmappingrequest(&pmp.state(), NATPMP_PROTOCOL_UDP, port, 0, 0);
    std::ignore = pmp.answer(io::monotonic_time() + patience_ / 4);
  }

 private:
  Duration patience_;
  Ending ending_;
};

}  // namespace

std::unique_ptr<Router> make_nat_pmp_router(Duration patience, Ending ending) {
  return std::make_unique<NatPmpRouter>(patience, std::move(ending));
}

}  // namespace weft::node

#include <miniupnpc/miniupnpc.h>
#include <miniupnpc/upnpcommands.h>
#include <miniupnpc/upnperrors.h>

#include <array>

#include "node/portmap/router.hpp"

namespace weft::node {

namespace {

constexpr const char* kProtocol = "UDP";
constexpr int kOnlyPermanentLeases = 725;  // UPnP-IGD: v1 routers that know no time
constexpr int kAsked = 4;                  // kinds of devices that discovery asks for, in turn
constexpr unsigned char kTtl = 2;          // of the multicast; UDA 1.1

// The gateway, found anew for each question: it may be another one since the last.
class Gateway {
 public:
  explicit Gateway(Duration patience) {
    const auto ms =
        std::chrono::duration_cast<std::chrono::milliseconds>(patience / kAsked).count();
    int error = 0;
    UPNPDev* devices =
        upnpDiscover(static_cast<int>(ms), nullptr, nullptr, UPNP_LOCAL_PORT_ANY, 0, kTtl, &error);
    if (devices == nullptr) return;
#if MINIUPNPC_API_VERSION >= 18
    const int found = UPNP_GetValidIGD(devices, &urls_, &data_, local_.data(),
                                       static_cast<int>(local_.size()), nullptr, 0);
#else
    const int found =
        UPNP_GetValidIGD(devices, &urls_, &data_, local_.data(), static_cast<int>(local_.size()));
#endif
    freeUPNPDevlist(devices);
    has_urls_ = found != 0;
    usable_ = found == 1;  // a gateway that is connected
  }
  ~Gateway() {
    if (has_urls_) FreeUPNPUrls(&urls_);
  }
  Gateway(const Gateway&) = delete;
  Gateway& operator=(const Gateway&) = delete;

  [[nodiscard]] bool usable() const { return usable_; }
  [[nodiscard]] const char* control() const { return urls_.controlURL; }
  [[nodiscard]] const char* service() const { return data_.first.servicetype; }
  [[nodiscard]] const char* local() const { return local_.data(); }

 private:
  UPNPUrls urls_{};
  IGDdatas data_{};
  std::array<char, 64> local_{};
  bool has_urls_ = false;
  bool usable_ = false;
};

class UpnpRouter final : public Router {
 public:
  explicit UpnpRouter(Duration patience) : patience_(patience) {}

  [[nodiscard]] std::string protocol() const override { return "upnp"; }

  [[nodiscard]] Result<Grant> map(std::uint16_t port, Duration lease) override {
    const Gateway gateway(patience_);
    if (!gateway.usable()) return fail(Errc::NotFound, "no router answers UPnP");
    std::array<char, 64> address{};
    if (UPNP_GetExternalIPAddress(gateway.control(), gateway.service(), address.data()) != 0)
      return fail(Errc::Denied, "the router does not tell its outside address (UPnP)");
    const auto outside =
        endpoint_from_text(std::string(address.data()) + ":" + std::to_string(port));
    if (!outside) return fail(Errc::Denied, "the router has no outside address (UPnP)");
    const auto text = std::to_string(port);
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(lease).count();
    const auto ask = [&](const std::string& time) {
      return UPNP_AddPortMapping(gateway.control(), gateway.service(), text.c_str(), text.c_str(),
                                 gateway.local(), "weft", kProtocol, nullptr, time.c_str());
    };
    int answer = ask(std::to_string(seconds));
    const bool permanent = answer == kOnlyPermanentLeases;
    if (permanent) answer = ask("0");
    if (answer != UPNPCOMMAND_SUCCESS) {
      const char* why = strupnperror(answer);
      return fail(Errc::Denied, std::string("the router refuses a mapping (UPnP): ") +
                                    (why == nullptr ? std::to_string(answer) : why));
    }
    return Grant{*outside, permanent ? Duration{} : lease};
  }

  void unmap(std::uint16_t port) override {
    const Gateway gateway(patience_);
    if (!gateway.usable()) return;
    const auto text = std::to_string(port);
    UPNP_DeletePortMapping(gateway.control(), gateway.service(), text.c_str(), kProtocol, nullptr);
  }

 private:
  Duration patience_;
};

}  // namespace

std::unique_ptr<Router> make_upnp_router(Duration patience) {
  return std::make_unique<UpnpRouter>(patience);
}

}  // namespace weft::node

#include "node/control_answers.hpp"

namespace weft::node {

std::string node_label(const overlay::Overlay& overlay, const std::optional<NodeId>& node) {
  if (!node) return {};
  for (const auto& member : overlay.members())
    if (member.id == *node) return member.name;
  return short_text(*node);
}

std::optional<NetworkId> other_than_default(const overlay::Overlay& overlay) {
  const auto meant = overlay.network();
  const overlay::Overlay::Meaning standard(overlay, std::nullopt);
  return meant == overlay.network() ? std::nullopt : meant;
}

std::optional<overlay::PeerView> peer_of(const overlay::Overlay& overlay, const NodeId& node) {
  for (auto& view : overlay.peers())
    if (view.id == node) return view;
  return std::nullopt;
}

std::string via_of(const overlay::Overlay& overlay, PathId path) {
  const auto& known = overlay.paths().at(path);
  return path::is_direct(known.kind) ? std::string() : node_label(overlay, known.via);
}

std::string path_text(const overlay::Overlay& overlay, PathId path) {
  const auto via = via_of(overlay, path);
  return path_of(overlay, path) + (via.empty() ? "" : " " + via);
}

std::string place_text(const overlay::Overlay& overlay, PathId path, const Endpoint& remote) {
  return path::is_direct(overlay.paths().at(path).kind) ? to_text(remote) : std::string();
}

PathWords path_to(const overlay::Overlay& overlay, const NodeId& node) {
  if (node == overlay.id()) return {"local", {}};
  const auto view = peer_of(overlay, node);
  if (!view || !view->session) return {"none", {}};
  return {path_of(overlay, view->session->path), via_of(overlay, view->session->path)};
}

std::string joined(const std::vector<std::string>& words) {
  std::string out;
  for (const auto& word : words) out += (out.empty() ? "" : ", ") + word;
  return out;
}

std::string quoted(const std::vector<std::string>& who) {
  std::string out;
  for (const auto& one : who) out += one == "*" ? " '*'" : " " + one;
  return out;
}

std::string ask_admin(const overlay::Overlay& overlay, const std::string& command) {
  if (overlay.role() == "none" && overlay.removed())
    return "weft leave makes this a new node, with a network of its own";
  std::vector<std::string> admins;
  for (const auto& member : overlay.members())
    if (member.admin && member.state != "self") admins.push_back(member.name);
  return "on " + (admins.empty() ? "an admin node" : joined(admins)) + ": " + command +
         "; or there: weft grant " + overlay.name() + " admin";
}

}  // namespace weft::node

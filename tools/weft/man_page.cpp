// The manual page, in man(7) macros.
#include "node/version.hpp"
#include "tools/weft/help.hpp"

namespace weft::cli {
namespace {

// A line must not begin with a control character; a hyphen that is typed must stay one.
std::string roff(std::string_view text) {
  std::string out;
  bool line_start = true;
  for (const char c : text) {
    if (line_start && (c == '.' || c == '\'')) out += "\\&";
    if (c == '\\')
      out += "\\e";
    else if (c == '-')
      out += "\\-";
    else
      out += c;
    line_start = c == '\n';
  }
  return out;
}

std::string options_of(const std::vector<OptionPage>& options) {
  std::string out;
  for (const auto& option : options)
    out += ".TP\n\\fB" + roff(title_of(option)) + "\\fR\n" + roff(option.about) + "\n";
  return out;
}

std::string examples(std::string_view footer) {
  return footer.empty() ? "" : ".PP\n.nf\n" + roff(footer) + "\n.fi\n";
}

constexpr std::string_view kRest = R"(.SH FILES
.TP
\fI~/.config/weft/weft.toml\fR, \fIconf.d/*.toml\fR
configuration; \fBweft config init\fR writes one with comments
.TP
\fI~/.local/share/weft/\fR
who this node is: identity.key and person.key. Keep a copy
.TP
\fI~/.local/state/weft/\fR
what it knows: trust.db, state.db; its log: weft.log; the socket for commands: weft.sock
.PP
The XDG variables move the first three; \fB\-\-home\fR or WEFT_HOME puts all into one directory.
.SH ENVIRONMENT
.TP
.B WEFT_HOME
as \fB\-\-home\fR
.TP
\fBWEFT_NODE__NAME\fR, \fBWEFT_NODE__LISTEN\fR, \fBWEFT_LOG__LEVEL\fR
stand before what weft.toml says
.TP
.B WEFT_SCENARIOS
a directory with scenarios of your own, for \fBweft sim\fR
.TP
.B NO_COLOR
no colour, whatever the terminal can
.SH EXIT STATUS
0 ok, 1 failed, 2 usage, 3 the node is not running, 4 not found, 5 denied, 6 no path, 7 timeout,
8 not direct though required, 78 bad configuration
.SH SEE ALSO
/usr/share/doc/weft/operating.md, journalctl(1), systemctl(1)
)";

}  // namespace

std::string man_page(const CommandPage& root) {
  std::string out =
      ".TH WEFT 1 \"\" \"weft " + std::string(kVersion) +
      "\" \"User Commands\"\n.SH NAME\nweft \\- " +
      roff(root.about.substr(root.about.find(": ") + 2)) +
      "\n.SH SYNOPSIS\n.B weft\n[OPTIONS] COMMAND\n.SH OPTIONS\nThese stand before or "
      "behind any command.\n" +
      options_of(root.options) + ".SH COMMANDS\n";
  for (const auto* page : all_pages(root)) {
    if (page->path.empty()) continue;
    out += ".SS " + roff(page->usage()) + "\n" + roff(page->about) + "\n";
    std::vector<OptionPage> own;
    for (const auto& option : page->options)
      if (option.names.back() != "--help") own.push_back(option);
    out += options_of(page->places) + options_of(own) + examples(page->footer);
  }
  return out + std::string(kRest);
}

}  // namespace weft::cli

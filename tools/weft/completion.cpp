// Completion for bash, zsh and fish. All three find the command the cursor is in by walking the
// words before it: options are passed over, with their values; a word that names a command of the
// one reached so far goes down to it.
#include <algorithm>
#include <set>

#include "tools/weft/help.hpp"

namespace weft::cli {
namespace {

std::string single_quoted(std::string_view text) {  // for all three shells: in single quotes
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

std::string fish_quoted(std::string_view text) {  // a backslash counts inside quotes there
  std::string out = "'";
  for (const char c : text) out += (c == '\'' || c == '\\' ? "\\" : "") + std::string(1, c);
  return out + "'";
}

std::string joined(const std::vector<std::string>& parts, std::string_view between) {
  std::string out;
  for (const auto& part : parts) out += (out.empty() ? "" : std::string(between)) + part;
  return out;
}

// Every option of any command that swallows the word after it.
std::vector<std::string> with_value(const CommandPage& root) {
  std::set<std::string> names;
  for (const auto* page : all_pages(root))
    for (const auto& option : page->options)
      if (!option.value.empty()) names.insert(option.names.begin(), option.names.end());
  return {names.begin(), names.end()};
}

std::vector<std::string> quoted_paths(const CommandPage& root) {
  std::vector<std::string> out;
  for (const auto* page : all_pages(root))
    if (!page->path.empty()) out.push_back(single_quoted(page->path));
  return out;
}

struct Word {
  std::string text, about;
};

// What may be typed at a command: its own commands, the values its arguments may have, its options.
std::vector<Word> words_at(const CommandPage& root, const CommandPage& page) {
  std::vector<Word> out;
  for (const auto& command : page.commands) out.push_back({command.name(), command.about});
  for (const auto& place : page.places) {
    for (const auto& choice : place.choices) out.push_back({choice, place.about});
    if (place.value == "COMMAND")
      for (const auto& command : root.commands) out.push_back({command.name(), command.about});
  }
  for (const auto& option : page.options) out.push_back({option.names.back(), option.about});
  if (!page.path.empty())
    for (const auto& option : root.options)
      if (option.names.back() != "--help" && option.names.back() != "--version")
        out.push_back({option.names.back(), option.about});
  return out;
}

}  // namespace

std::string bash_completion(const CommandPage& root) {
  std::string out = R"(# bash completion for weft, made by: weft completion bash
_weft() {
  local now=${COMP_WORDS[COMP_CWORD]} last=${COMP_WORDS[COMP_CWORD - 1]} at= words= i
  for ((i = 1; i < COMP_CWORD; i++)); do
    case ${COMP_WORDS[i]} in
      )" + joined(with_value(root), "|") +
                    R"() ((i++)); continue ;;
      -*) continue ;;
    esac
    case "${at:+$at }${COMP_WORDS[i]}" in
      )" + joined(quoted_paths(root), "|") +
                    R"() at="${at:+$at }${COMP_WORDS[i]}" ;;
    esac
  done
  case $last in
    --home|--out) COMPREPLY=($(compgen -d -- "$now")); return ;;
    )" + joined(with_value(root), "|") +
                    R"() COMPREPLY=(); return ;;
  esac
  case $at in
)";
  for (const auto* page : all_pages(root)) {
    std::vector<std::string> words;
    for (const auto& word : words_at(root, *page)) words.push_back(word.text);
    out += "    " + single_quoted(page->path) + ") words=" + single_quoted(joined(words, " ")) +
           " ;;\n";
  }
  return out + R"(  esac
  COMPREPLY=($(compgen -W "$words" -- "$now"))
}
complete -o default -F _weft weft
)";
}

std::string zsh_completion(const CommandPage& root) {
  std::string out = R"(#compdef weft
# zsh completion for weft, made by: weft completion zsh
_weft() {
  local at= i
  local -a choices
  for ((i = 2; i < CURRENT; i++)); do
    case $words[i] in
      )" + joined(with_value(root), "|") +
                    R"() ((i++)); continue ;;
      -*) continue ;;
    esac
    case "${at:+$at }$words[i]" in
      )" + joined(quoted_paths(root), "|") +
                    R"() at="${at:+$at }$words[i]" ;;
    esac
  done
  case $words[CURRENT-1] in
    )" + joined(with_value(root), "|") +
                    R"() _files; return ;;
  esac
  case $at in
)";
  for (const auto* page : all_pages(root)) {
    out += "    " + single_quoted(page->path) + ") choices=(";
    for (const auto& word : words_at(root, *page)) {
      std::string about;  // a colon would end the word
      for (const char c : word.about) about += (c == ':' ? "\\" : "") + std::string(1, c);
      out += "\n      " + single_quoted(word.text + ":" + about);
    }
    out += ") ;;\n";
  }
  return out + R"(  esac
  _describe -o weft choices || _files
}
if [ "$funcstack[1]" = _weft ]; then _weft "$@"; else compdef _weft weft; fi
)";
}

std::string fish_completion(const CommandPage& root) {
  std::string out = R"(# fish completion for weft, made by: weft completion fish
function __weft_at
  set -l at
  set -l skip 0
  for word in (commandline -opc)[2..-1]
    if test $skip = 1
      set skip 0
      continue
    end
    switch $word
      case )" + joined(with_value(root), " ") +
                    R"(
        set skip 1
      case '-*'
      case '*'
        if contains -- (string trim -- "$at $word") )" +
                    joined(quoted_paths(root), " ") + R"(
          set -a at $word
        end
    end
  end
  test "$at" = "$argv[1]"
end
complete -c weft -f
)";
  const auto options = [&out](const std::vector<OptionPage>& list, const std::string& where) {
    for (const auto& option : list) {
      out += "complete -c weft" + where;
      for (const auto& name : option.names)
        out += name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1);
      const bool file = option.value == "DIR" || option.value == "FILE";
      if (!option.value.empty()) out += file ? " -r -F" : " -x";
      out += " -d " + fish_quoted(option.about) + "\n";
    }
  };
  for (const auto* page : all_pages(root)) {
    const auto where =
        page->path.empty() ? "" : " -n " + fish_quoted("__weft_at " + single_quoted(page->path));
    const auto here = " -n " + fish_quoted("__weft_at " + single_quoted(page->path));
    for (const auto& word : words_at(root, *page))
      if (!word.text.starts_with("-"))
        out += "complete -c weft" + here + " -a " + word.text + " -d " + fish_quoted(word.about) +
               "\n";
    options(page->options, where);
  }
  return out;
}

}  // namespace weft::cli

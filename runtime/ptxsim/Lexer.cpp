// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Lexical structure of PTX (PTX ISA 8.8, chapter 4). The text is untrusted:
// every step checks for the end, and anything unknown is an error value.
#include "Lexer.h"

#include <bit>
#include <charconv>
#include <string>

namespace qcrt::ptxsim {
namespace {

bool isLetter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
bool isDigit(char c) { return c >= '0' && c <= '9'; }
bool startsWord(char c) {
  return isLetter(c) || c == '_' || c == '$' || c == '%' || c == '.';
}
bool continuesWord(char c) {
  return isLetter(c) || isDigit(c) || c == '_' || c == '$' || c == '.';
}
int digitValue(char c) {
  if (isDigit(c))
    return c - '0';
  if (c >= 'a' && c <= 'f')
    return c - 'a' + 10;
  if (c >= 'A' && c <= 'F')
    return c - 'A' + 10;
  return 99;
}

class Lexer {
public:
  Lexer(std::string_view text, const std::string &fileName)
      : text(text), fileName(fileName) {}

  PtxResult<std::vector<Token>> run() {
    std::vector<Token> tokens;
    tokens.reserve(text.size() / 4 + 1);
    for (;;) {
      if (!skipBlanks())
        return error("comment without an end");
      Token token;
      token.line = line;
      if (position == text.size()) {
        tokens.push_back(token);
        return tokens;
      }
      size_t start = position;
      char c = text[position];
      if (startsWord(c)) {
        lexWord(token);
      } else if (isDigit(c)) {
        if (!lexNumber(token))
          return error("malformed number '" +
                       std::string(text.substr(start, position - start)) +
                       "'; accepted are decimal, 0x, 0b and octal integers of "
                       "64 bits, 0f and 8 hexadecimal digits, 0d and 16");
      } else if (c == '"') {
        size_t close = text.find('"', position + 1);
        if (close == std::string_view::npos)
          return error("string without an end");
        token.kind = TokenKind::String;
        token.text = text.substr(position + 1, close - position - 1);
        for (char inside : token.text)
          line += inside == '\n';
        position = close + 1;
      } else if (std::string_view("{}()[]<>,;:+-*/~!@|=&^?").find(c) !=
                 std::string_view::npos) {
        token.kind = TokenKind::Punctuation;
        token.punctuation = c;
        token.text = text.substr(position, 1);
        ++position;
      } else {
        return error("character code " +
                     std::to_string(static_cast<unsigned char>(c)) +
                     " is not part of PTX");
      }
      tokens.push_back(token);
    }
  }

private:
  char at(size_t index) const {
    return index < text.size() ? text[index] : '\0';
  }

  PtxError error(std::string message) const {
    PtxError result;
    result.kind = PtxErrorKind::Syntax;
    result.file = fileName;
    result.line = line;
    result.message = std::move(message);
    return result;
  }

  bool skipBlanks() {
    for (;;) {
      char c = at(position);
      if (position == text.size())
        return true;
      if (c == '\n') {
        ++line;
        ++position;
      } else if (c == ' ' || c == '\t' || c == '\r') {
        ++position;
      } else if (c == '/' && at(position + 1) == '/') {
        while (position < text.size() && text[position] != '\n')
          ++position;
      } else if (c == '/' && at(position + 1) == '*') {
        size_t close = text.find("*/", position + 2);
        if (close == std::string_view::npos)
          return false;
        for (; position < close; ++position)
          line += text[position] == '\n';
        position = close + 2;
      } else {
        return true;
      }
    }
  }

  void lexWord(Token &token) {
    size_t start = position++;
    for (;;) {
      if (continuesWord(at(position)))
        ++position;
      else if (at(position) == ':' && at(position + 1) == ':' &&
               (isLetter(at(position + 2)) || isDigit(at(position + 2))))
        position += 2; // scope such as .shared::cta
      else
        break;
    }
    token.kind = TokenKind::Word;
    token.text = text.substr(start, position - start);
  }

  /// Digits of \p base; false if there is none or the value needs over 64 bits.
  bool lexDigits(unsigned base, uint64_t &value, unsigned &count) {
    bool fits = true;
    for (count = 0; digitValue(at(position)) < static_cast<int>(base);
         ++position, ++count) {
      auto digit = static_cast<uint64_t>(digitValue(at(position)));
      if (value > (UINT64_MAX - digit) / base)
        fits = false;
      else
        value = value * base + digit;
    }
    return fits && count > 0;
  }

  bool lexNumber(Token &token) {
    size_t start = position;
    char second = at(position + 1);
    unsigned count = 0;
    bool good;
    token.kind = TokenKind::Integer;
    if (text[position] == '0' &&
        (second == 'f' || second == 'F' || second == 'd' || second == 'D')) {
      bool single = second == 'f' || second == 'F';
      position += 2;
      token.kind = single ? TokenKind::Single : TokenKind::Double;
      good = lexDigits(16, token.value, count) && count == (single ? 8 : 16);
    } else if (text[position] == '0' && (second == 'x' || second == 'X')) {
      position += 2;
      good = lexDigits(16, token.value, count);
      skipUnsignedSuffix();
    } else if (text[position] == '0' && (second == 'b' || second == 'B')) {
      position += 2;
      good = lexDigits(2, token.value, count);
      skipUnsignedSuffix();
    } else {
      size_t end = position;
      while (isDigit(at(end)))
        ++end;
      if (at(end) == '.' || at(end) == 'e' || at(end) == 'E') {
        good = lexDecimal(token);
      } else {
        bool octal = text[position] == '0' && end - position > 1;
        good = lexDigits(octal ? 8 : 10, token.value, count);
        skipUnsignedSuffix();
      }
    }
    token.text = text.substr(start, position - start);
    return good && !continuesWord(at(position));
  }

  bool lexDecimal(Token &token) {
    double value = 0;
    const char *first = text.data() + position;
    auto [end, failure] =
        std::from_chars(first, text.data() + text.size(), value);
    position += static_cast<size_t>(end - first);
    token.kind = TokenKind::Decimal;
    token.value = std::bit_cast<uint64_t>(value);
    return failure == std::errc();
  }

  void skipUnsignedSuffix() {
    if (at(position) == 'U')
      ++position;
  }

  std::string_view text;
  const std::string &fileName;
  size_t position = 0;
  unsigned line = 1;
};

} // namespace

PtxResult<std::vector<Token>> tokenize(std::string_view text,
                                       const std::string &fileName) {
  return Lexer(text, fileName).run();
}

} // namespace qcrt::ptxsim

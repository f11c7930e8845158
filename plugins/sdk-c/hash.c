// Hashes of what has no secret in it, such as a body: the host hashes secrets
// only. What has a secret in it goes to cd_hash and cd_hmac.

#include "inner.h"

#define BLOCK 64

typedef void step(uint32_t *state, const uint8_t *block);

static uint32_t left(uint32_t word, int bits) { return word << bits | word >> (32 - bits); }

static uint32_t right(uint32_t word, int bits) { return word >> bits | word << (32 - bits); }

static uint32_t big(const uint8_t *at) {
  return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | (uint32_t)at[3];
}

static uint32_t little(const uint8_t *at) {
  return (uint32_t)at[3] << 24 | (uint32_t)at[2] << 16 | (uint32_t)at[1] << 8 | (uint32_t)at[0];
}

// FIPS 180-4 and RFC 1321: block after block, and behind the last byte a bit,
// zeros, and how many bits there were.
static platform_list_u8_t hashed(cd_text text, uint32_t *state, size_t words, bool big_endian, step *one) {
  size_t whole = text.len / BLOCK * BLOCK, rest = text.len - whole;
  for (size_t at = 0; at < whole; at += BLOCK) one(state, text.ptr + at);
  uint8_t end[2 * BLOCK] = {0};
  if (rest > 0) memcpy(end, text.ptr + whole, rest);
  end[rest] = 0x80;
  size_t length = rest + 1 + 8 <= BLOCK ? BLOCK : 2 * BLOCK;
  uint64_t bits = (uint64_t)text.len * 8;
  for (size_t i = 0; i < 8; i++) end[big_endian ? length - 1 - i : length - 8 + i] = (uint8_t)(bits >> (8 * i));
  for (size_t at = 0; at < length; at += BLOCK) one(state, end + at);
  platform_list_u8_t hash = {cd_grown(NULL, words * 4), words * 4};
  for (size_t i = 0; i < hash.len; i++) {
    size_t byte = i % 4;
    hash.ptr[i] = (uint8_t)(state[i / 4] >> (8 * (big_endian ? 3 - byte : byte)));
  }
  return hash;
}

// ── SHA-256 ─────────────────────────────────────────────────────────────────

static const uint32_t SHA256[64] = {
  0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
  0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
  0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
  0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
  0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
  0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
  0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
  0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

static void sha256(uint32_t *state, const uint8_t *block) {
  uint32_t w[64], v[8];
  for (int i = 0; i < 16; i++) w[i] = big(block + 4 * i);
  for (int i = 16; i < 64; i++) {
    uint32_t a = w[i - 15], b = w[i - 2];
    w[i] = w[i - 16] + (right(a, 7) ^ right(a, 18) ^ a >> 3) + w[i - 7] + (right(b, 17) ^ right(b, 19) ^ b >> 10);
  }
  for (int i = 0; i < 8; i++) v[i] = state[i];
  for (int i = 0; i < 64; i++) {
    uint32_t chosen = (v[4] & v[5]) ^ (~v[4] & v[6]), most = (v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]);
    uint32_t one = v[7] + (right(v[4], 6) ^ right(v[4], 11) ^ right(v[4], 25)) + chosen + SHA256[i] + w[i];
    uint32_t two = (right(v[0], 2) ^ right(v[0], 13) ^ right(v[0], 22)) + most;
    for (int j = 7; j > 0; j--) v[j] = v[j - 1];
    v[4] += one;
    v[0] = one + two;
  }
  for (int i = 0; i < 8; i++) state[i] += v[i];
}

platform_list_u8_t cd_sha256(cd_text text) {
  uint32_t state[] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  return hashed(text, state, 8, true, sha256);
}

// ── SHA-1 ───────────────────────────────────────────────────────────────────

static void sha1(uint32_t *state, const uint8_t *block) {
  static const uint32_t added[] = {0x5a827999, 0x6ed9eba1, 0x8f1bbcdc, 0xca62c1d6};
  uint32_t w[80], v[5];
  for (int i = 0; i < 16; i++) w[i] = big(block + 4 * i);
  for (int i = 16; i < 80; i++) w[i] = left(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
  for (int i = 0; i < 5; i++) v[i] = state[i];
  for (int i = 0; i < 80; i++) {
    uint32_t mixed = i < 20   ? (v[1] & v[2]) | (~v[1] & v[3])
                     : i < 40 ? v[1] ^ v[2] ^ v[3]
                     : i < 60 ? (v[1] & v[2]) | (v[1] & v[3]) | (v[2] & v[3])
                              : v[1] ^ v[2] ^ v[3];
    uint32_t first = left(v[0], 5) + mixed + v[4] + added[i / 20] + w[i];
    v[4] = v[3], v[3] = v[2], v[2] = left(v[1], 30), v[1] = v[0], v[0] = first;
  }
  for (int i = 0; i < 5; i++) state[i] += v[i];
}

platform_list_u8_t cd_sha1(cd_text text) {
  uint32_t state[] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
  return hashed(text, state, 5, true, sha1);
}

// ── MD5 ─────────────────────────────────────────────────────────────────────

static const uint32_t MD5[64] = {
  0xd76aa478, 0xe8c7b756, 0x242070db, 0xc1bdceee, 0xf57c0faf, 0x4787c62a, 0xa8304613, 0xfd469501,
  0x698098d8, 0x8b44f7af, 0xffff5bb1, 0x895cd7be, 0x6b901122, 0xfd987193, 0xa679438e, 0x49b40821,
  0xf61e2562, 0xc040b340, 0x265e5a51, 0xe9b6c7aa, 0xd62f105d, 0x02441453, 0xd8a1e681, 0xe7d3fbc8,
  0x21e1cde6, 0xc33707d6, 0xf4d50d87, 0x455a14ed, 0xa9e3e905, 0xfcefa3f8, 0x676f02d9, 0x8d2a4c8a,
  0xfffa3942, 0x8771f681, 0x6d9d6122, 0xfde5380c, 0xa4beea44, 0x4bdecfa9, 0xf6bb4b60, 0xbebfbc70,
  0x289b7ec6, 0xeaa127fa, 0xd4ef3085, 0x04881d05, 0xd9d4d039, 0xe6db99e5, 0x1fa27cf8, 0xc4ac5665,
  0xf4292244, 0x432aff97, 0xab9423a7, 0xfc93a039, 0x655b59c3, 0x8f0ccc92, 0xffeff47d, 0x85845dd1,
  0x6fa87e4f, 0xfe2ce6e0, 0xa3014314, 0x4e0811a1, 0xf7537e82, 0xbd3af235, 0x2ad7d2bb, 0xeb86d391,
};

static void md5(uint32_t *state, const uint8_t *block) {
  static const uint8_t turns[4][4] = {{7, 12, 17, 22}, {5, 9, 14, 20}, {4, 11, 16, 23}, {6, 10, 15, 21}};
  uint32_t a = state[0], b = state[1], c = state[2], d = state[3];
  for (int i = 0; i < 64; i++) {
    int round = i / 16;
    uint32_t mixed = round == 0   ? (b & c) | (~b & d)
                     : round == 1 ? (d & b) | (~d & c)
                     : round == 2 ? b ^ c ^ d
                                  : c ^ (b | ~d);
    int word = (round == 0 ? i : round == 1 ? 5 * i + 1 : round == 2 ? 3 * i + 5 : 7 * i) % 16;
    uint32_t turned = left(a + mixed + MD5[i] + little(block + 4 * word), turns[round][i % 4]);
    a = d, d = c, c = b, b += turned;
  }
  state[0] += a, state[1] += b, state[2] += c, state[3] += d;
}

platform_list_u8_t cd_md5(cd_text text) {
  uint32_t state[] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476};
  return hashed(text, state, 4, false, md5);
}

#include "overlay/session/callbacks.hpp"

#include <algorithm>

#include "overlay/session/connection.hpp"

namespace weft::session {

int seal_packet(std::uint8_t* dest, const ngtcp2_crypto_aead*,
                const ngtcp2_crypto_aead_ctx* context, const std::uint8_t* plaintext,
                std::size_t plaintext_size, const std::uint8_t* nonce, std::size_t nonce_size,
                const std::uint8_t* ad, std::size_t ad_size) {
  auto* cipher = static_cast<PacketCipher*>(context->native_handle);
  if (!cipher) return NGTCP2_ERR_CALLBACK_FAILURE;
  const bool sealed = cipher->seal({dest, plaintext_size + PacketCipher::kTagSize},
                                   {plaintext, plaintext_size}, {nonce, nonce_size}, {ad, ad_size});
  return sealed ? 0 : NGTCP2_ERR_CALLBACK_FAILURE;
}

struct Callbacks {
  static Connection& self(void* user) { return *static_cast<Connection*>(user); }

  static int refuse(Connection& connection, HandshakeFault fault) {
    connection.fault_ = fault;
    if (connection.silent_) return NGTCP2_ERR_CALLBACK_FAILURE;
    ngtcp2_conn_set_tls_alert(connection.quic_, alert_of(fault));
    return NGTCP2_ERR_CRYPTO;
  }

  static int client_initial(ngtcp2_conn*, void* user) {
    auto& connection = self(user);
    if (connection.install_initial(connection.first_dcid_) != 0) return NGTCP2_ERR_CALLBACK_FAILURE;
    return connection.send_hello();
  }
  static int recv_client_initial(ngtcp2_conn* quic, const ngtcp2_cid* dcid, void* user) {
    auto& connection = self(user);
    connection.quic_ = quic;
    return connection.install_initial(*dcid) == 0 ? 0 : NGTCP2_ERR_CALLBACK_FAILURE;
  }
  static int recv_retry(ngtcp2_conn*, const ngtcp2_pkt_hd* header, void* user) {
    return self(user).install_initial(header->scid) == 0 ? 0 : NGTCP2_ERR_CALLBACK_FAILURE;
  }
  static int recv_crypto(ngtcp2_conn*, ngtcp2_encryption_level level, std::uint64_t,
                         const std::uint8_t* data, std::size_t size, void* user) {
    auto& connection = self(user);
    auto done = connection.on_crypto(level, {data, size});
    return done ? 0 : refuse(connection, done.error());
  }
  static int handshake_completed(ngtcp2_conn*, void* user) {
    self(user).came_up();
    return 0;
  }

  static int decrypt(std::uint8_t* dest, const ngtcp2_crypto_aead*,
                     const ngtcp2_crypto_aead_ctx* context, const std::uint8_t* ciphertext,
                     std::size_t size, const std::uint8_t* nonce, std::size_t nonce_size,
                     const std::uint8_t* ad, std::size_t ad_size) {
    auto* cipher = static_cast<PacketCipher*>(context->native_handle);
    if (!cipher) return NGTCP2_ERR_CALLBACK_FAILURE;
    if (size < PacketCipher::kTagSize) return NGTCP2_ERR_DECRYPT;
    const bool opened = cipher->open({dest, size - PacketCipher::kTagSize}, {ciphertext, size},
                                     {nonce, nonce_size}, {ad, ad_size});
    return opened ? 0 : NGTCP2_ERR_DECRYPT;
  }
  static int hp_mask(std::uint8_t* dest, const ngtcp2_crypto_cipher*,
                     const ngtcp2_crypto_cipher_ctx* context, const std::uint8_t* sample) {
    auto* header = static_cast<HeaderProtection*>(context->native_handle);
    ByteArray<5> mask;
    if (!header || !header->mask(mask, {sample, NGTCP2_HP_SAMPLELEN}))
      return NGTCP2_ERR_CALLBACK_FAILURE;
    std::ranges::copy(mask, dest);
    return 0;
  }
  static int update_key(ngtcp2_conn*, std::uint8_t* rx_secret, std::uint8_t* tx_secret,
                        ngtcp2_crypto_aead_ctx* rx, std::uint8_t* rx_iv, ngtcp2_crypto_aead_ctx* tx,
                        std::uint8_t* tx_iv, const std::uint8_t* current_rx,
                        const std::uint8_t* current_tx, std::size_t, void* user) {
    self(user).update_keys(current_rx, current_tx, rx_secret, tx_secret, rx, rx_iv, tx, tx_iv);
    return 0;
  }
  static void delete_aead(ngtcp2_conn*, ngtcp2_crypto_aead_ctx* context, void*) {
    delete static_cast<PacketCipher*>(context->native_handle);
  }
  static void delete_cipher(ngtcp2_conn*, ngtcp2_crypto_cipher_ctx* context, void*) {
    delete static_cast<HeaderProtection*>(context->native_handle);
  }

  static void rand(std::uint8_t* dest, std::size_t size, const ngtcp2_rand_ctx* context) {
    static_cast<Rng*>(context->native_handle)->fill({dest, size});
  }
  static int path_challenge(ngtcp2_conn*, std::uint8_t* data, void* user) {
    self(user).state_.rng.fill({data, NGTCP2_PATH_CHALLENGE_DATALEN});
    return 0;
  }
  static int new_cid(ngtcp2_conn*, ngtcp2_cid* cid, std::uint8_t* token, std::size_t size,
                     void* user) {
    auto& connection = self(user);
    cid->datalen = size;
    connection.state_.rng.fill({cid->data, size});
    // We send no stateless resets: the token is random and forgotten.
    connection.state_.rng.fill({token, NGTCP2_STATELESS_RESET_TOKENLEN});
    connection.register_cid(*cid);
    return 0;
  }
  static int remove_cid(ngtcp2_conn*, const ngtcp2_cid* cid, void* user) {
    auto& connection = self(user);
    const auto key = read_be<std::uint64_t>({cid->data, cid->datalen});
    connection.state_.cids.erase(key);
    std::erase(connection.cids_, key);
    return 0;
  }

  static int stream_open(ngtcp2_conn*, std::int64_t id, void* user) {
    self(user).peer_opened(id);
    return 0;
  }
  static int stream_data(ngtcp2_conn*, std::uint32_t flags, std::int64_t, std::uint64_t,
                         const std::uint8_t* data, std::size_t size, void* user, void* stream) {
    if (!stream) return 0;
    self(user).stream_data(*static_cast<Stream*>(stream), {data, size},
                           (flags & NGTCP2_STREAM_DATA_FLAG_FIN) != 0);
    return 0;
  }
  static int stream_acked(ngtcp2_conn*, std::int64_t, std::uint64_t, std::uint64_t size, void* user,
                          void* stream) {
    if (stream) self(user).stream_acked(*static_cast<Stream*>(stream), size);
    return 0;
  }
  static int stream_close(ngtcp2_conn*, std::uint32_t flags, std::int64_t, std::uint64_t code,
                          void* user, void* stream) {
    const bool known = (flags & NGTCP2_STREAM_CLOSE_FLAG_APP_ERROR_CODE_SET) != 0;
    if (stream) self(user).stream_gone(*static_cast<Stream*>(stream), known ? code : 0);
    return 0;
  }
  static int stream_reset(ngtcp2_conn*, std::int64_t, std::uint64_t, std::uint64_t code, void* user,
                          void* stream) {
    if (stream) self(user).stream_reset_by_peer(*static_cast<Stream*>(stream), code);
    return 0;
  }
  static int stream_window(ngtcp2_conn*, std::int64_t, std::uint64_t, void* user, void* stream) {
    if (!stream) return 0;
    self(user).stream_granted(*static_cast<Stream*>(stream));
    return 0;
  }
  static int datagram(ngtcp2_conn*, std::uint32_t, const std::uint8_t* data, std::size_t size,
                      void* user) {
    auto& connection = self(user);
    if (size == 0 || data[0] == 0) return 0;  // a probe of the path: Connection::write_probe
    if (connection.queued_messages_in_ >= connection.state_.limits.max_queued_messages) {
      ++connection.state_.counters.packets_dropped;
      return 0;
    }
    ++connection.queued_messages_in_;
    connection.state_.events.push_back(MessageReceived{connection.id_, to_bytes({data, size})});
    return 0;
  }
};

ngtcp2_callbacks session_callbacks() {
  ngtcp2_callbacks table{};
  table.client_initial = Callbacks::client_initial;
  table.recv_client_initial = Callbacks::recv_client_initial;
  table.recv_crypto_data = Callbacks::recv_crypto;
  table.handshake_completed = Callbacks::handshake_completed;
  table.encrypt = seal_packet;
  table.decrypt = Callbacks::decrypt;
  table.hp_mask = Callbacks::hp_mask;
  table.recv_stream_data = Callbacks::stream_data;
  table.acked_stream_data_offset = Callbacks::stream_acked;
  table.stream_open = Callbacks::stream_open;
  table.stream_close = Callbacks::stream_close;
  table.recv_retry = Callbacks::recv_retry;
  table.rand = Callbacks::rand;
  table.get_new_connection_id = Callbacks::new_cid;
  table.remove_connection_id = Callbacks::remove_cid;
  table.update_key = Callbacks::update_key;
  table.stream_reset = Callbacks::stream_reset;
  table.extend_max_stream_data = Callbacks::stream_window;
  table.delete_crypto_aead_ctx = Callbacks::delete_aead;
  table.delete_crypto_cipher_ctx = Callbacks::delete_cipher;
  table.recv_datagram = Callbacks::datagram;
  table.get_path_challenge_data = Callbacks::path_challenge;
  return table;
}

}  // namespace weft::session

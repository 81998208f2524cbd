// The numbers by which the two sides of a connection know that they are in step. All of the wire is big-endian.

@usableFromInline
enum Magic {
  /// The first thing a server sends: `NBDMAGIC`.
  static let greeting: UInt64 = 0x4e42_444d_4147_4943
  /// `IHAVEOPT`: the second thing a server sends, and the start of each option of the client.
  static let option: UInt64 = 0x4948_4156_454f_5054
  static let optionReply: UInt64 = 0x0003_e889_0455_65a9
  @usableFromInline static let request: UInt32 = 0x2560_9513
  static let simpleReply: UInt32 = 0x6744_6698
  static let structuredReply: UInt32 = 0x668e_33ef
}

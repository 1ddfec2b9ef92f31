/** Bytes of a packet's header: payload length (3, little-endian) and sequence id (1). Manual: "Protocol Basics: MySQL Packets". */
export const HEADER_BYTES = 4

/** A payload of this length goes on in the next packet; one of exactly this length ends with an empty packet. */
export const MAX_PACKET_PAYLOAD = 0xffffff

/** Columns of a result or parameters of a statement: the server's own bounds are 4096 columns and 65535 parameters. */
export const MAX_COLUMNS = 0xffff

/** Query attributes of one command; the server's own bound is 65535, a client that sends more than this is not one. */
export const MAX_QUERY_ATTRIBUTES = 0xffff

/** Characters of an ERR packet's message: MYSQL_ERRMSG_SIZE is 512, with the NUL. */
export const MAX_ERROR_MESSAGE_BYTES = 511

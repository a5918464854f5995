//! Records whose body stands behind their head: length of the head as a varint, the head, the body.

use prost::Message;

/// Appends a head and the body behind it.
pub(crate) fn append<H: Message>(buf: &mut Vec<u8>, head: &H, body: &[u8]) {
    prost::encoding::encode_varint(head.encoded_len() as u64, buf);
    head.encode_raw(buf);
    buf.extend_from_slice(body);
}

/// Takes them apart. None: this is no such record.
pub(crate) fn head<H: Message + Default>(payload: &[u8]) -> Option<(H, &[u8])> {
    let mut rest = payload;
    let len = usize::try_from(prost::encoding::decode_varint(&mut rest).ok()?).ok()?;
    let (head, body) = rest.split_at_checked(len)?;
    Some((H::decode(head).ok()?, body))
}

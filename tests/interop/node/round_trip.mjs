// nodemailer hands a letter in; imapflow, in IDLE, hears of it, reads it, flags it, moves it, deletes it.
// Run by test_node.py with a JSON object of ports, user, password and token; prints what it saw as JSON.
import nodemailer from 'nodemailer';
import { ImapFlow } from 'imapflow';

const { ports, user, password, token } = JSON.parse(process.argv[2]);
const auth = { user, pass: password };
const seen = {};

const client = new ImapFlow({ host: 'localhost', port: ports.imaps, secure: true, auth, logger: false });
await client.connect();
seen.capabilities = [...client.capabilities.keys()];
const lock = await client.getMailboxLock('INBOX');
try {
  const arrived = new Promise((resolve, reject) => {
    client.on('exists', resolve);
    setTimeout(() => reject(new Error('nobody told of the letter')), 60000).unref();
  });
  const idling = client.idle();

  const mailer = nodemailer.createTransport({ host: 'localhost', port: ports.submission, requireTLS: true, auth });
  const sent = await mailer.sendMail({
    from: user, to: user, subject: `${token} お知らせ`, text: '本文です\n', html: '<p>本文です</p>',
    attachments: [{ filename: '資料.txt', content: 'attached' }],
  });
  seen.accepted = sent.accepted;
  const told = await arrived;
  seen.count = told.count;

  const uids = await client.search({ subject: token }, { uid: true });
  await idling;
  seen.found = uids.length;
  const uid = uids[0];
  const message = await client.fetchOne(uid, { envelope: true, bodyStructure: true, flags: true, size: true, source: true }, { uid: true });
  seen.subject = message.envelope.subject;
  seen.from = message.envelope.from[0].address;
  seen.type = message.bodyStructure.type;
  seen.parts = message.bodyStructure.childNodes.map((part) => part.type);
  seen.filename = message.bodyStructure.childNodes[1].dispositionParameters.filename;
  seen.size = message.size === message.source.length;
  const text = await client.download(uid, '1.1', { uid: true });
  let body = '';
  for await (const chunk of text.content) body += chunk.toString();
  seen.text = body.trim();

  await client.messageFlagsAdd(uid, ['\\Seen', 'noted'], { uid: true });
  const flagged = await client.fetchOne(uid, { flags: true }, { uid: true });
  seen.flags = [...flagged.flags].sort();

  await client.mailboxCreate('移動先');
  const moved = await client.messageMove(uid, '移動先', { uid: true });
  seen.moved = moved.uidMap.size;
  seen.left = client.mailbox.exists;
} finally {
  lock.release();
}
const other = await client.getMailboxLock('移動先');
try {
  seen.there = client.mailbox.exists;
  await client.messageDelete('1:*');
  seen.deleted = client.mailbox.exists;
} finally {
  other.release();
}
await client.mailboxDelete('移動先');
seen.boxes = (await client.list()).map((box) => box.path).sort();
await client.logout();
console.log(JSON.stringify(seen));

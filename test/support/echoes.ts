/**
 * Bodies in which a server, or the error of a library, gives back what nobody else may see (E6). Each has the texts that
 * must not be in what is kept of it.
 */
import { jwt } from './jwt.ts'

export interface Echo {
  readonly what: string
  readonly body: string
  readonly needles: readonly string[]
  /** True if the body is only the beginning of the reply. */
  readonly isCut?: boolean
}

/** The token that was sent, and the one before it. */
const SENT = 'sk/opaque+AbCdEf0123456789~zyxwvut=='
const FORMER = 'old.generation.token.QQQQQQQQ'
export const KNOWN: readonly string[] = [SENT, FORMER]

const OTHER_JWT = jwt({ sub: 'bob', exp: 4_000_000_000_000 })
const PARTS = ['opaque', 'AbCdEf', '0123456789', 'zyxwvut']
const SECRET = 'hunter2'
const CODES = Array.from(SENT, (character) => character.charCodeAt(0))

const hex = (text: string) => Buffer.from(text).toString('hex')
const base64 = (text: string) => Buffer.from(text).toString('base64')
const percentAll = (text: string) => hex(text).replace(/../g, (byte) => `%${byte.toUpperCase()}`)
const json = (value: unknown) => JSON.stringify(value)

/** Copies of the token that was sent: encoded, cut, halved, wrapped, put together. */
const COPIES: readonly (readonly [what: string, copy: string])[] = [
  ['as it is', SENT],
  ['in upper case', SENT.toUpperCase()],
  ['in lower case', SENT.toLowerCase()],
  ['JSON with escaped slashes', SENT.replaceAll('/', '\\/')],
  ['escapes of JSON', SENT.replace('+', '\\u002b').replace('~', '\\u007E')],
  ['escapes of JSON for each character', CODES.map((code) => `\\u00${code.toString(16)}`).join('')],
  ['escapes of JavaScript', CODES.map((code) => `\\x${code.toString(16)}`).join('')],
  ['octal escapes', CODES.map((code) => `\\${code.toString(8).padStart(3, '0')}`).join('')],
  ['percent-encoded', encodeURIComponent(SENT)],
  ['percent-encoded for each character', percentAll(SENT)],
  ['percent-encoded twice', encodeURIComponent(percentAll(SENT))],
  ['HTML with decimal references', CODES.map((code) => `&#${code};`).join('')],
  ['HTML with hexadecimal references', CODES.map((code) => `&#x${code.toString(16)};`).join('')],
  [
    'HTML with names',
    SENT.replace('/', '&sol;').replace('+', '&plus;').replaceAll('=', '&equals;'),
  ],
  ['HTML, percent-encoded', encodeURIComponent(SENT.replaceAll('=', '&#61;'))],
  ['quoted-printable', SENT.replaceAll('=', '=3D').replace(/(.{12})/g, '$1=\r\n')],
  ['base64', base64(SENT)],
  ['base64 of the header', base64(`Bearer ${SENT}`)],
  ['base64, wrapped', base64(`: ${SENT}`).replace(/(.{9})/g, '$1\n')],
  ['base64url', Buffer.from(`x${SENT}`).toString('base64url')],
  ['hexadecimal', hex(SENT)],
  ['hexadecimal with colons', hex(SENT).replace(/../g, '$&:')],
  ['hexadecimal with spaces', hex(SENT).replace(/../g, '$& ').toUpperCase()],
  ['codes of characters', `[${CODES.join(' ')}]`],
  ['a list of codes', json(CODES)],
  ['wrapped at 20 characters', SENT.replace(/(.{20})/g, '$1\n')],
  ['wrapped at 7 characters, with quotes', SENT.replace(/(.{7})/g, '$1\n> ')],
  ['spaced', SENT.split('').join(' ')],
  ['put together', SENT.replace(/(.{9})/g, '$1" + "')],
  ['the first half', `${SENT.slice(0, 18)}...`],
  ['the first two thirds', `${SENT.slice(0, 24)}…`],
  ['the second half', `…${SENT.slice(18)}`],
  ['the middle', `***${SENT.slice(8, 28)}***`],
  ['behind a letter of each line', SENT.replace(/(.{16})/g, '$1\u200b')],
]

const needlesOf = (copy: string): string[] => {
  // A copy that is no text of letters is looked for by its own beginning and end.
  const plain = copy.replace(/[^A-Za-z0-9]/g, '')
  return [
    ...PARTS,
    ...PARTS.map((part) => part.toUpperCase()),
    copy.slice(2, 16),
    plain.slice(4, 18),
  ]
}

const COPIES_IN_TEXT: readonly Echo[] = COPIES.map(([what, copy]) => ({
  what: `the token, ${what}, in a text`,
  body: `the token ${copy} is not valid`,
  needles: needlesOf(copy),
}))

const COPIES_IN_JSON: readonly Echo[] = COPIES.map(([what, copy]) => ({
  what: `the token, ${what}, in the message of JSON`,
  body: json({ error: { message: `invalid: ${copy}`, echo: copy } }),
  needles: needlesOf(copy),
}))

/** Secrets that the engine does not know, by the names that APIs and languages give them. */
const NAMED: readonly (readonly [what: string, body: string, ...more: string[]])[] = [
  ['JSON with an escaped quote', json({ password: 'ab"hunter2-rest' })],
  ['JSON with a list', json({ tokens: ['opaque-hunter2'] })],
  ['JSON with an object', json({ token: { value: SECRET } })],
  ['JSON with an object within an error', json({ error: { token: { message: SECRET } } })],
  ['JSON with a number', json({ password: 123_456 }), '123456'],
  ['JSON in JSON', json({ error: json({ access_token: SECRET }) })],
  ['JSON in JSON in JSON', json({ error: json({ detail: json({ apiKey: SECRET }) }) })],
  ['JSON within a message', json({ message: `refused: ${json({ client_secret: SECRET })}` })],
  ['JSON within a text', `upstream said ${json({ refreshToken: SECRET })}`],
  ['JSON within a text, escaped', `upstream said ${json(json({ id_token: SECRET }))}`],
  ['JSON that is not whole', `{"status":1,"password":"ab\\"${SECRET}`],
  [
    'JSON with api_key, cookie, sessionId',
    json({ api_key: SECRET, cookie: `sid=${SECRET}`, sessionId: SECRET }),
  ],
  ["Python's repr", `{'password': '${SECRET}', 'user': 'alice'}`],
  ["Python's repr of bytes", `{b'api_key': b'${SECRET}'}`],
  ['a data class of Python', `Login(user='alice', password='${SECRET}')`],
  ['a hash of Ruby', `{:password=>"${SECRET}", :user=>"alice"}`],
  ['a hash of Ruby 3.4', `{password: "${SECRET}", user: "alice"}`],
  ['print_r of PHP', `Array\n(\n    [accessToken] => ${SECRET}\n)`],
  ['var_dump of PHP', `array(1) {\n  ["password"]=>\n  string(7) "${SECRET}"\n}`],
  ['a map of Go', `map[client_secret:${SECRET} user:alice]`],
  ['a map of Go with letters alone', 'map[client_secret:correcthorse user:alice]', 'correcthorse'],
  ['a struct of Go', `{User:alice Password:${SECRET}}`],
  ['a map of Java', `{password=${SECRET}, user=alice}`],
  ['an object of Java', `Credentials[user=alice, apiKey=${SECRET}]`],
  ['a record of C#', `Login { User = alice, ClientSecret = ${SECRET} }`],
  ['a struct of Rust', `Login { password: Some("${SECRET}") }`],
  ['an object of JavaScript', `{ user: 'alice', passphrase: '${SECRET}' }`],
  ['form encoding', `grant=x&refresh_token=${SECRET}&password=${SECRET}`],
  ['form encoding, percent-encoded', `state=${encodeURIComponent(`password=${SECRET}&x=1`)}`],
  ['a query', `GET /v1/items?access_token=${SECRET}&page=2`],
  ['a URL with a password', `cannot reach https://alice:${SECRET}@db.example.com/`],
  ['a connection string', `Server=db;User Id=sa;Password=${SECRET};`],
  [
    'the header Authorization',
    `Authorization: Basic ${base64(`alice:${SECRET}`)}`,
    base64(`alice:${SECRET}`).slice(0, 10),
  ],
  ['Basic alone', `sent Basic ${base64('u:p4')}`, base64('u:p4')],
  ['Bearer alone', `Bearer ${SECRET} is expired`],
  ['the header X-Api-Key', `X-Api-Key: ${SECRET}`],
  ['the header Cookie', `Cookie: theme=dark; sid=${SECRET}`],
  ['the header Set-Cookie', `Set-Cookie: connect.sid=s%3A${SECRET}; Path=/`],
  ['a cookie within JSON', json({ error: `bad cookie: JSESSIONID=${SECRET}` })],
  ['headers as a list', `['authorization', '${SECRET}'], {"Authorization": "${SECRET}"}`.slice(30)],
  ['XML', `<login><password>${SECRET}</password></login>`],
  ['XML with a namespace', `<wsse:Password Type="text">${SECRET}</wsse:Password>`],
  ['XML that is not whole', `<password>${SECRET}`],
  ['a field of HTML', `<input name="csrf_token" type="hidden" value="${SECRET}">`],
  ['YAML', `user: alice\npassword: ${SECRET}\n`],
  ['an environment', `API_KEY=${SECRET}\nHOME=/root`],
  ['curl', `curl -H 'X-Auth-Token: ${SECRET}' https://api.example.com`],
  ['German', `{'passwort': '${SECRET}'}`],
  ['French', `mot_de_passe=${SECRET}`],
  ['Spanish', `{"mensaje" "contraseña": "${SECRET}"`],
  ['Portuguese', `senha=${SECRET}`],
  ['Japanese', `パスワード=${SECRET}`],
]

const NAMED_ECHOES: readonly Echo[] = NAMED.map(([what, body, ...more]) => ({
  what,
  body,
  needles: more.length > 0 ? more : [SECRET],
}))

const REST: readonly Echo[] = [
  { what: 'a former token', body: `revoked: ${FORMER}`, needles: ['generation', 'QQQQQQ'] },
  { what: 'a JWT of another user', body: `signed: ${OTHER_JWT}`, needles: OTHER_JWT.split('.') },
  {
    what: 'a key with its prefix',
    body: 'Invalid API Key: sk_live_51HqLyjWDarjtT1zdp',
    needles: ['51HqLy'],
  },
  {
    what: 'a hash',
    body: 'expected 5f4dcc3b5aa765d61d8327deb882cf99',
    needles: ['5f4dcc3b', 'b882cf99'],
  },
  { what: 'the token across the cut at 256', body: `${'x '.repeat(118)}${SENT}`, needles: PARTS },
  { what: 'the token across the cut at 1 KB', body: `${'. '.repeat(505)}${SENT}`, needles: PARTS },
  {
    what: 'the token across the end of what was read',
    body: `you sent ${SENT.slice(0, 9)}`,
    needles: ['opaque'],
    isCut: true,
  },
  {
    what: 'a secret across the end of what was read',
    body: `{"user":"a","password":"${SECRET}`,
    needles: [SECRET],
    isCut: true,
  },
  {
    what: 'a message across the end of what was read',
    body: `{"message":"you sent ${SENT.slice(0, 8)}`,
    needles: ['opaqu'],
    isCut: true,
  },
  {
    what: 'a text that is escaped forty times',
    body: `%${'25'.repeat(40)}41 hunter2`,
    needles: [SECRET],
  },
]

export const ECHOES: readonly Echo[] = [
  ...COPIES_IN_TEXT,
  ...COPIES_IN_JSON,
  ...NAMED_ECHOES,
  ...REST,
]

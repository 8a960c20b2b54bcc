/** Scenarios whose journals have a bit of everything in them. */

const REFUSED_AND_REFRESHED = `
scenario: 1
name: a token is refused, the source throws once, then yields another
config: { concurrency: 2 }
tokens:
  a1: { user: alice, accepted: false }
  a2: { user: alice }
  b1: { user: bob, exp: 3600000 }
source:
  - { throws: true }
  - { token: a2, after: 20 }
steps:
  - { at: 0, login: { user: bob, token: b1 } }
  - { at: 0, enqueue: { id: b, kind: note, payload: { text: from bob } } }
  - { at: 0, login: { user: alice, token: a1 } }
  - { at: 0, enqueue: { id: n1, kind: note, payload: { text: one } } }
  - { at: 5, enqueue: { id: n2, kind: note, payload: { text: two } } }
  - { at: 50, logout: keep }
  - { at: 60, enqueue: { id: x, kind: note, payload: { text: anonymous } } }
`

export const MERGED_LOST_AND_RETRIED = `
scenario: 1
name: merged envelopes, a lost reply, a rejection, jitter, a retry, a cancel
config: { requirement: off, backoff: { base: 200, jitter: true } }
tokens: { a1: { user: alice } }
server:
  replies:
    - { match: { op: c1 }, lost: reply, times: 1 }
    - { match: { op: t1 }, status: 503, headers: { retry-after: "2" }, times: 1 }
    - { match: { op: n1 }, status: 422, times: 1 }
    - { match: { op: n3 }, html: true, times: 1 }
steps:
  - { at: 0, login: { user: alice, token: a1 } }
  - { at: 0, enqueue: { id: c1, kind: count, payload: { name: opened, by: 1 } } }
  - { at: 0, enqueue: { id: c2, kind: count, payload: { name: opened, by: 2 } } }
  - { at: 0, enqueue: { id: t1, kind: tag, payload: { key: color, value: green } } }
  - { at: 0, enqueue: { id: n1, kind: note, payload: { text: one } } }
  - { at: 0, enqueue: { id: n2, kind: note, payload: { text: 2 } } }
  - { at: 9000, enqueue: { id: n3, kind: note, payload: { text: three } } }
  - { at: 9001, enqueue: { id: n4, kind: note, payload: { text: four } } }
  - { at: 9002, cancel: n4 }
  - { at: 20000, retry: n1 }
  - { at: 30000, cancel: n1 }
expect: { rejects: { n2: INVALID_PAYLOAD } }
`

const CRASHED_AND_RESTARTED = `
scenario: 1
name: a crash in flight, a restart, a network that comes and goes, a clock that jumps
config: { anonymous: hold }
tokens: { a1: { user: alice, exp: 7200000 }, a2: { user: alice } }
server: { latency: 100 }
source: [{ denied: true }]
steps:
  - { at: 0, enqueue: { id: x1, kind: note, payload: { text: anonymous } } }
  - { at: 0, login: { user: alice, token: a1 } }
  - { at: 0, enqueue: { id: n1, kind: note, payload: { text: one } } }
  - { at: 50, crash: true }
  - { at: 1000, network: down }
  - { at: 1000, enqueue: { id: n2, kind: note, payload: { text: two } } }
  - { at: 2000, restart: true }
  - { at: 3000, network: up }
  - { at: 5000, wall: 7200000 }
  - { at: 5000, enqueue: { id: n3, kind: note, payload: { text: three } } }
  - { at: 6000, updateToken: { user: alice, token: a2 } }
  - { at: 7000, queue: pause }
  - { at: 7000, enqueue: { id: n4, kind: note, payload: { text: four } } }
  - { at: 7001, discard: n4 }
  - { at: 7002, power: suspend }
  - { at: 7003, power: resume }
  - { at: 7004, logout: discard }
`

export const RECORDED: readonly (readonly [name: string, yaml: string])[] = [
  ['refused and refreshed', REFUSED_AND_REFRESHED],
  ['merged, lost and retried', MERGED_LOST_AND_RETRIED],
  ['crashed and restarted', CRASHED_AND_RESTARTED],
]

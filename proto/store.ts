// What coordinator daemons keep together, so that any of them can go on where another one was: keys with revisions, and journals.
// The port; proto/transport/nats-store.ts is behind it. In: bytes. Out: the same to whoever asks, after any of the daemons died.
// Always true: a write that expects what is not so changes nothing; a handler is a hint only, and whoever heeds it reads.
import type { Subscription } from './transport.js'

export interface Entry {
  readonly value: Uint8Array
  /** Ascends with each write of any key of the bucket. */
  readonly revision: number
}

/** Tokens (proto/subjects.ts) joined by dots, each with its newest value. */
export interface Bucket {
  /** How long what is put stays, in seconds; 0: for good. */
  readonly ageSeconds: number
  get(key: string): Promise<Entry | undefined>
  /**
   * Resolves with its revision. `expected`: that of the value that it replaces, 0 where there is none; another one there rejects
   * with a StoreConflict. What was put by a try whose answer was lost counts as put.
   */
  put(key: string, value: Uint8Array, expected: number, patienceSeconds?: number): Promise<number>
  /** Idempotent. */
  delete(key: string): Promise<void>
  keys(): Promise<ReadonlySet<string>>
  /** Called with a key that may have been put. */
  onPut(handler: (key: string) => void): Subscription
}

/** Messages one behind the other, from position 1 on; only who knows how many there are can write the next one. */
export interface Journal {
  /** Makes it where it is not there. */
  create(): Promise<void>
  /**
   * Resolves with its position, `after` + 1. Another message there rejects with a StoreConflict. No two messages of different
   * writers may be alike: what stands there and is the same counts as appended.
   */
  append(content: Uint8Array, after: number): Promise<number>
  /** Undefined where there is none (yet). Its bytes are the reader's own. */
  read(position: number): Promise<Uint8Array | undefined>
  /** The position of the newest message; 0 without any, or without a journal. */
  last(): Promise<number>
  /** Idempotent. */
  remove(): Promise<void>
}

export interface Store {
  /** The largest message of a journal, or value, in bytes. */
  readonly limitBytes: number
  /** What is known of jobs. */
  readonly jobs: Bucket
  /** The daemons that are alive: their values go by themselves. */
  readonly daemons: Bucket
  /** What came with a job, and what came of it. */
  journal(kind: 'in' | 'out', job: string): Journal
  /** To all daemons that listen; may be lost. */
  tell(job: string, news: Uint8Array): void
  onNews(handler: (job: string, news: Uint8Array) => void): Subscription
  /** A lost connection is back: hints may have been missed. */
  onReconnect(handler: () => void): Subscription
  /** Resolves when the connection has ended for good, with why, or with undefined after close(). */
  readonly closed: Promise<Error | undefined>
  close(): Promise<void>
}

/** Something else was written there meanwhile. */
export class StoreConflict extends Error {
  override readonly name = 'StoreConflict'
}

/** Nothing was heard of it in time, or the server refused it: it may be tried again. */
export class StoreFailure extends Error {
  override readonly name = 'StoreFailure'
}

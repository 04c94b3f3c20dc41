// CRC-32 of bytes that are read once and travel twice: out of a worker's frame, into a message. In: checksums of parts. Out:
// those of the whole. Always true: what is remembered of items is the checksum of the bytes that they had when they were read.
import type { Items } from './items.js'

const POLYNOMIAL = 0xedb88320
/** x^0: bits stand in reverse order, as in the checksum itself. */
const ONE = 0x8000_0000

/** a * b modulo the polynomial. */
const multiply = (a: number, b: number): number => {
  let product = 0
  let shifted = b
  for (let bit = ONE; bit !== 0; bit >>>= 1) {
    if ((a & bit) !== 0) product ^= shifted
    shifted = (shifted & 1) !== 0 ? (shifted >>> 1) ^ POLYNOMIAL : shifted >>> 1
  }
  return product >>> 0
}

/** x^(8 * 2^n): what a checksum is multiplied with when 2^n bytes follow. */
const powers: number[] = [ONE >>> 8]
const power = (n: number): number => {
  for (let at = powers.length; at <= n; at++) powers.push(multiply(powers[at - 1] as number, powers[at - 1] as number))
  return powers[n] as number
}

/** The checksum of two parts, one after the other, from theirs and the second one's length. */
export const joinChecksums = (first: number, second: number, secondBytes: number): number => {
  let shifted = first
  for (let n = 0, rest = secondBytes; rest > 0; n++, rest = Math.floor(rest / 2))
    if (rest % 2 === 1) shifted = multiply(shifted, power(n))
  return (shifted ^ second) >>> 0
}

const known = new WeakMap<Items, number>()

/** The items' bytes were just found to have this checksum. */
export const rememberChecksum = (items: Items, checksum: number): void => {
  known.set(items, checksum)
}

/** Undefined for items whose bytes nobody has looked at. */
export const rememberedChecksum = (items: Items): number | undefined => known.get(items)

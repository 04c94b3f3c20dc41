// Labels: what agents offer and jobs need. In: texts. Out: whether they are labels, and who offers what is needed.
// Always true: a label is a word without spaces and commas, `gpu` or `site=a`; an agent from before labels offers none.

/** In a sentence that begins with "expected". */
export const LABEL = 'a label of 1 to 64 letters, digits and . _ - / : =, such as gpu or site=a'

export const isLabel = (text: string): boolean => /^[A-Za-z0-9_][A-Za-z0-9._\-/:=]{0,63}$/.test(text)

/** What of it nobody there offers. */
export const missingLabels = (offered: readonly string[] | undefined, needs: readonly string[]): readonly string[] =>
  needs.filter(label => offered?.includes(label) !== true)

/** The bounds of a job's weight. */
export const MOST_WEIGHT = 1000
/** A priority is a whole number from minus this to this. */
export const MOST_PRIORITY = 1_000_000

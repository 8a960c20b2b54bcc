/** Half of the fixed seeds: the two halves run side by side. */
import { describeSeeds } from './support/fixed-seeds.ts'

describeSeeds(1, 150)

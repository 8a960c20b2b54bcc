/** Half of the fixed seeds: the two halves run side by side. */
import { testSeeds } from './support/fixed-seeds.ts'

testSeeds(1, 250)

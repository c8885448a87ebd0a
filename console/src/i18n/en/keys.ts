export const keys = {
    keys: {
        help: 'Hot keys',
        show: 'Show what they do here',
        everywhere: 'Everywhere',
        space: 'Space',
        letters: 'Single-letter keys',
        letters_about: 'A letter, figure or sign does something by itself wherever nobody writes. Whoever speaks to the computer, or hits keys by mistake, does better without; buttons do all that these keys do.',
        letters_off: 'Single-letter keys are off in your settings.',
    },
};

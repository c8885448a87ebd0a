import './fonts.css';
import { alpha, createTheme, type Theme } from '@mui/material/styles';

/** Colours of states: `good` free or answered, `busy` in use, `wait` under way, `bad` broken, `off` out of use. */
export interface Tones {
    good: string;
    busy: string;
    wait: string;
    bad: string;
    off: string;
}

export type Tone = keyof Tones;

declare module '@mui/material/styles' {
    interface Palette {
        tones: Tones;
        /** What a line between things is drawn with, and what lies behind the page. */
        line: string;
        quiet: string;
    }
    interface PaletteOptions {
        tones?: Tones;
        line?: string;
        quiet?: string;
    }
}

const light = {
    mode: 'light' as const,
    primary: { main: '#0f766e', dark: '#115e59', light: '#14b8a6', contrastText: '#ffffff' },
    secondary: { main: '#b45309', contrastText: '#ffffff' },
    error: { main: '#c2272d' },
    warning: { main: '#a35200' },
    info: { main: '#1d5fb8' },
    success: { main: '#2c7a3f' },
    background: { default: '#f5f6f4', paper: '#ffffff' },
    text: { primary: '#1c2422', secondary: '#5b6764', disabled: '#919b98' },
    divider: '#e3e7e4',
    tones: { good: '#2c7a3f', busy: '#1d5fb8', wait: '#a35200', bad: '#c2272d', off: '#616c69' },
    line: '#e3e7e4',
    quiet: '#eef1ee',
};

const dark = {
    mode: 'dark' as const,
    primary: { main: '#3fc7b4', dark: '#2aa897', light: '#7fded0', contrastText: '#06211d' },
    secondary: { main: '#f0b35e', contrastText: '#261a05' },
    error: { main: '#ff7b78' },
    warning: { main: '#f0b35e' },
    info: { main: '#74b0ff' },
    success: { main: '#6ecb82' },
    background: { default: '#121716', paper: '#1a201f' },
    text: { primary: '#e7ecea', secondary: '#a8b4b0', disabled: '#66726e' },
    divider: '#2b3432',
    tones: { good: '#6ecb82', busy: '#74b0ff', wait: '#f0b35e', bad: '#ff7b78', off: '#9aa7a3' },
    line: '#2b3432',
    quiet: '#212927',
};

/** A dense look for people who sit in front of it all day: small controls, clear focus, figures that stand under one another. */
export function consoleTheme(mode: 'light' | 'dark'): Theme {
    const palette = mode === 'dark' ? dark : light;
    return createTheme({
        palette,
        shape: { borderRadius: 6 },
        spacing: 8,
        typography: {
            fontFamily: '"Inter Variable", "Segoe UI", system-ui, sans-serif',
            fontSize: 13,
            h1: { fontSize: '1.375rem', fontWeight: 650, letterSpacing: '-0.01em', lineHeight: 1.3 },
            h2: { fontSize: '1.0625rem', fontWeight: 650, lineHeight: 1.4 },
            h3: { fontSize: '0.9375rem', fontWeight: 650, lineHeight: 1.4 },
            body1: { fontSize: '0.875rem' },
            body2: { fontSize: '0.8125rem' },
            caption: { fontSize: '0.75rem', lineHeight: 1.4 },
            button: { textTransform: 'none', fontWeight: 600 },
            overline: { fontSize: '0.6875rem', fontWeight: 650, letterSpacing: '0.06em', lineHeight: 2 },
        },
        components: {
            MuiCssBaseline: {
                styleOverrides: {
                    html: { height: '100%' },
                    body: { height: '100%', scrollbarColor: `${palette.text.disabled} transparent` },
                    '#root': { height: '100%' },
                    'a, button, [tabindex]:not([tabindex="-1"]), [role="button"]': { '&:focus-visible': focusRing(palette.primary.main) },
                    // Fields draw a frame of their own.
                    'input, textarea': { '&:focus-visible': { outline: 'none' } },
                    'code, pre, kbd': { fontFamily: 'ui-monospace, "Cascadia Mono", "DejaVu Sans Mono", Menlo, monospace', fontSize: '0.8125rem' },
                    '@media (prefers-reduced-motion: reduce)': { '*': { animation: 'none !important', transition: 'none !important' } },
                },
            },
            MuiButtonBase: { defaultProps: { disableRipple: true }, styleOverrides: { root: { fontFamily: 'inherit', '&.Mui-focusVisible': focusRing(palette.primary.main) } } },
            MuiButton: {
                defaultProps: { size: 'small', disableElevation: true },
                styleOverrides: { root: { minHeight: 32, paddingInline: 12, whiteSpace: 'nowrap' } },
            },
            MuiIconButton: { defaultProps: { size: 'small' }, styleOverrides: { root: { borderRadius: 6 } } },
            MuiPaper: { defaultProps: { elevation: 0 }, styleOverrides: { root: { backgroundImage: 'none' } } },
            MuiCard: { defaultProps: { variant: 'outlined' } },
            MuiTextField: { defaultProps: { size: 'small', variant: 'outlined' } },
            // What a field that cannot be changed says of itself is there to be read.
            MuiFormHelperText: { styleOverrides: { root: { marginInline: 2, lineHeight: 1.4, '&.Mui-disabled': { color: palette.text.secondary } } } },
            MuiFormControl: { defaultProps: { size: 'small', variant: 'outlined' } },
            // Labels shrink less than usual: these are read, not guessed.
            MuiInputLabel: { styleOverrides: { root: { '&.MuiInputLabel-shrink.MuiInputLabel-outlined': { transform: 'translate(14px, -8px) scale(0.84)' } } } },
            MuiOutlinedInput: { styleOverrides: { notchedOutline: { '& legend': { fontSize: '0.84em' } } } },
            MuiAutocomplete: { defaultProps: { size: 'small' } },
            MuiSelect: { defaultProps: { size: 'small' } },
            MuiCheckbox: { defaultProps: { size: 'small' }, styleOverrides: { root: { padding: 4 } } },
            MuiSwitch: { defaultProps: { size: 'small' } },
            MuiChip: { defaultProps: { size: 'small' }, styleOverrides: { root: { borderRadius: 5, fontWeight: 550 } } },
            MuiTooltip: { defaultProps: { arrow: true, enterDelay: 400 } },
            MuiTableCell: {
                styleOverrides: {
                    root: { padding: '5px 10px', borderColor: palette.line, fontSize: '0.8125rem', lineHeight: 1.45 },
                    head: { color: palette.text.secondary, fontWeight: 600, whiteSpace: 'nowrap', background: palette.background.paper },
                },
            },
            MuiTab: { styleOverrides: { root: { minHeight: 38, padding: '6px 12px' } } },
            MuiTabs: { styleOverrides: { root: { minHeight: 38 } } },
            MuiDialog: { defaultProps: { fullWidth: true, maxWidth: 'sm' } },
            MuiDialogTitle: { styleOverrides: { root: { fontSize: '1.0625rem', fontWeight: 650, padding: '16px 20px 8px' } } },
            MuiDialogContent: { styleOverrides: { root: { padding: '8px 20px 16px' } } },
            MuiDialogActions: { styleOverrides: { root: { padding: '10px 20px 16px' } } },
            MuiPopover: { styleOverrides: { paper: { border: `1px solid ${palette.line}`, boxShadow: '0 8px 28px rgb(0 0 0 / 18%)' } } },
            MuiMenuItem: { styleOverrides: { root: { fontSize: '0.875rem', minHeight: 34 } } },
            MuiAlert: { styleOverrides: { root: { alignItems: 'center', paddingBlock: 4 } } },
            MuiLink: { defaultProps: { underline: 'hover' } },
        },
    });
}

function focusRing(colour: string) {
    return { outline: `2px solid ${colour}`, outlineOffset: 1, boxShadow: `0 0 0 4px ${alpha(colour, 0.18)}` };
}

import ContentCopy from '@mui/icons-material/ContentCopy';
import Done from '@mui/icons-material/Done';
import Box from '@mui/material/Box';
import IconButton from '@mui/material/IconButton';
import Tooltip from '@mui/material/Tooltip';
import { useEffect, useRef, useState } from 'react';
import { useT } from '@/i18n';

/** How long the tick stands after something was copied, in milliseconds. */
const TICK_MS = 1500;

/** A text to be copied, such as a secret that is shown once. */
export function CopyText({ text, label }: { text: string; label: string }) {
    return (
        <Box
            sx={{
                display: 'flex',
                alignItems: 'center',
                gap: 0.5,
                pl: 1.25,
                pr: 0.5,
                minHeight: 34,
                border: 1,
                borderColor: 'divider',
                borderRadius: 1,
                bgcolor: (theme) => theme.palette.quiet,
            }}
        >
            <Box component="code" aria-label={label} sx={{ flex: 1, minWidth: 0, overflowWrap: 'anywhere', userSelect: 'all', py: 0.5 }}>
                {text}
            </Box>
            <CopyButton text={text} />
        </Box>
    );
}

export function CopyButton({ text }: { text: string }) {
    const t = useT();
    const [copied, setCopied] = useState(false);
    const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
    useEffect(() => () => clearTimeout(timer.current), []);
    const copy = async () => {
        await copyText(text);
        setCopied(true);
        clearTimeout(timer.current);
        timer.current = setTimeout(() => setCopied(false), TICK_MS);
    };
    return (
        <Tooltip title={copied ? t('common.copied') : t('common.copy')}>
            <IconButton onClick={() => void copy()} aria-label={t('common.copy')}>
                {copied ? <Done fontSize="small" color="success" /> : <ContentCopy sx={{ fontSize: 17 }} />}
            </IconButton>
        </Tooltip>
    );
}

/** Puts a text on the clipboard. Browsers give the modern way to HTTPS pages only, so there is the old one behind it. */
async function copyText(text: string): Promise<void> {
    try {
        await navigator.clipboard.writeText(text);
    } catch {
        const area = document.createElement('textarea');
        area.value = text;
        area.style.position = 'fixed';
        area.style.opacity = '0';
        document.body.append(area);
        area.select();
        document.execCommand('copy');
        area.remove();
    }
}

/** Hands a file to the browser's downloads. */
export function saveFile(name: string, content: Blob | string, type = 'text/plain;charset=utf-8'): void {
    const url = URL.createObjectURL(typeof content === 'string' ? new Blob([content], { type }) : content);
    followDownload(url, name);
    // The browser has taken hold of it by the next turn of the clock.
    setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

/** Has the browser save what an address leads to. */
export function followDownload(url: string, name = ''): void {
    const link = document.createElement('a');
    link.href = url;
    link.download = name;
    link.click();
}

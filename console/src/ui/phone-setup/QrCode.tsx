import { useMemo } from 'react';
import { encode } from 'uqr';

/** A QR code, drawn as one path: dark on light whatever the colours around it, because that is what cameras want. */
export function QrCode({ text, size = 208, label }: { text: string; size?: number; label: string }) {
    const { path, side } = useMemo(() => {
        const { data, size: modules } = encode(text, { ecc: 'M', border: 2 });
        const squares = data.flatMap((row, y) => row.flatMap((dark, x) => (dark ? [`M${x} ${y}h1v1h-1z`] : [])));
        return { path: squares.join(''), side: modules };
    }, [text]);
    return (
        <svg role="img" aria-label={label} width={size} height={size} viewBox={`0 0 ${side} ${side}`} shapeRendering="crispEdges" style={{ borderRadius: 6, display: 'block' }}>
            <rect width={side} height={side} fill="#fff" />
            <path d={path} fill="#000" />
        </svg>
    );
}

"""State databases as earlier versions of them were written, byte by byte."""

import base64
import zlib

# Torrent a: have 8001, files (5, 6), none and (1 << 45, 1 << 60), counters 1, 2, 3, piece 3
# recorded since. Torrent b: have ff, a missing file, counters 4, 5, 6, ended cleanly. A ban of
# 192.0.2.1 until 5000. Boot "boot", all at 1000.
_VERSION_1 = (
    r"c-rmTZ%7ki90%~{xou7jono~YLOmps;xSSO5s~TasMTt1Ekz>rw%ypld8gZ{y{p*^g{XJE6iKk6H}$5#H_;yme3g"
    r"N(dQ%XDuX|-h+U<6m+ZgueO&H$~&pr3-x#!RCdEPyD>{2Ko>k><7sWDM!-K2qV9O-3@5W*RkgKV=~S01&lop8hxq"
    r"jlMib#dZi^|N(vi~;}v0002Me`?h3bT>88%wb)ODpFKbjpXPL3w;rRMf!XJff*I7Evcn-<_iRU>|)q|zArq)&Iv<"
    r"2n^bjKVMgl!&(e~pm`&Q*pg(dZcsatt!9oA2Opnd!ZfT)2{pJ+oDQ!wl%bF@GMMZnbltm9%TP-Uhs|jr+DW;R=Og"
    r"tNxrI^J07b3!GA<VO=rs>v`LO6VJ$gHg}g4MabFn(Fwh5F2X&gpi$>C7H;0iq&L<uY4I&}P++;g;^5aiq;{T+A3#"
    r"-Cjc>@LvaZl{($c&GcrY8JMo6Qj)4$H?AZ&tMU)RONz#7a{HH%6)Bx7mvo;TS2Qs$#kXURYtw3Z-L#n2i+}(A`f9"
    r"U>bk{I(Ef^U900000008`j-fC|>PbuZ26>R0@TiYE~j@HHFFW+8S-FO<*wib_m8?E*>C^g0aVg)y7{_}j5buS;$#"
    r"0sSb&h}_{Y5nAfl^@}O(8T9!1GBmF|3l(hGco`G000000Qjdm9A2)b;%fxkdd=pm*O_?BX18m8DRlkrMz(Er#Wx1"
    r"Fb>I8Ym#L10#Kf}yzC3pCLH7JlUGIpI000000001Bx9~W;bZ_OufA*gntDW<Y)t<()!oEYw?Ge(NJO6(qMgjl;00"
    r"000fL-dK{Q$>z9_#WP@pO4Qo913bxaDVSC!XB;`uxtPxw-E@0lsKF>i"
)


def version_1() -> bytes:
    """A database of version 1."""
    return zlib.decompress(base64.b85decode(_VERSION_1))

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


# Torrent a with the id 1 and the metainfo "de"; the setting peer_port 7; 5 bytes downloaded.
_VERSION_2 = (
    r"c-rk)OK1~87@o<a+q9;%6kR1$rw{GJr5;)li?6f|Hnz4JBU(Y~G?_MAH@jhXlhzlKT2S=n#iIrFB#Kb+q6N{LQauTR"
    r"dZ<?gDWVr4I6H}LHl%3<MXmcWJCA>N=Ktsahn;Wc(7_&2Cum4fqgY2Rzy=@$dk_MERskpj3vkiLk=2HoZwkQ%nnTb@"
    r"D|R?%w9DW(_%&U%@TXA1(X7abiqlpCmJvk@D|ane@weh{#s9yBn}z=(fQV-2bKe#lS#phy<9QyAm+E*>B3Kd=>CD~{"
    r"@Ogti6!f<D_z)AJh7yzoQ65qTB3O%{_MX0WbRghg#Ef66W4|}hkGg&R0-}_LcJC2Th>j^Ee{ayY*B20wMh9n~&yUoI"
    r"j`)LJeTRc6(09b&IWJEhhaB(mzzY@3FkMkqBI}vLW-=}#{0Z|Sn9jx!3us7`h?cIKy2oRZg2N=dV0%~@m2+jISktrH"
    r"%b%YSe>)%m?gsB@ar{@WFSddbP8Qr`H}fI&k$Q?{#U}qT5o##pFfrQ?SjQRX%}+OHmM0t>Us(y0^-S*|mTBTlI;j9P"
    r"L=;WWqbx4#qLf)bi)l#ivU7ZGEgbJ)Dq^aV5H(Sev6NMHm{exHD7aJv6cb5^EKGP%QS{si3)v=T`7YDBamn~w|9@-$"
    r"hwvGo$-+O4t<F|goq+S;OpT1Aq^7NAtmfR^Gxak&_sx7sO`U!))%*H=I{vQ!O%_%PnjEd=c~?T1ym{^3G1~NKw|D&Z"
    r"$KmHs$K3D|{ryV-RssoLrH$W%G?A?1IDYkNIKDZ}rLcC=cuLJIib|H)7f*_E7zKStgZW9o;(Maeap^5lE8_U7Dwy2P"
    r"tc+4SjUj%NE|axCq=jkAGN=l5&zN=ov+!s3|5-qjg_Vf)jtyl(j1YAorl|V156a7lD-S!L%=K;TzE+Pn8S%HnNdPC|"
    r"WBAr`*WZQ>j%p|@9QmDhE~bukr8H;g#_ZaPfys7{!{ZVpdi<wn<IDJd_0-L>@)s%c8CK2Ss&zC%K?_Al6r%)DjWegs"
    r"1wS=^y*E8FElr$lyIwTH?tfq%pnHFv<?Z~CTpYh{9Za?`LLkSZgG5c|ZW9?u%TR;Cwi!P$vw#Ga;v~-<O%4-~irIxz"
    r"atqU@5nUJM;Y_j0q%R{}LSbRv@g42H_bL"
)


def version_1() -> bytes:
    """A database of version 1."""
    return zlib.decompress(base64.b85decode(_VERSION_1))


def version_2() -> bytes:
    """A database of version 2."""
    return zlib.decompress(base64.b85decode(_VERSION_2))

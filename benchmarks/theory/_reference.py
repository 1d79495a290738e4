"""Reference values of an independent measurement, ten draws unless stated otherwise.

1.204(26) is a mean of 1.204 with a standard error of .026; a value without brackets has none on
record. Errors are Frobenius norms of the sines of the principal angles. Subspaces are Haar, signal
and noise Gaussian, signal sd 1.
"""

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Value:
    """A mean, its standard error (None: not on record) and the last digit it was rounded to."""

    mean: float
    standard_error: float | None
    digit: float


def _table(methods, lines):
    """Cell -> method -> Value, from lines `cell | value value ...`."""
    table = {}
    for line in lines.strip().splitlines():
        cell, values = line.split(" | ")
        found = map(_value, values.split())
        table[cell] = dict(zip(re.split(" *, *", methods), found, strict=True))
    return table


def _value(text):
    mean, _, error = text.rstrip(")").partition("(")
    digit = 10.0 ** -len(mean.partition(".")[2])
    return Value(float(mean), int(error) * digit if error else None, digit)


ERRORS = "PCA, closed form, HeteroPCA, deflated, FA, Scaler+PCA"
ALPHAS = "PCA, alpha=0, alpha=0.1, alpha=0.3, alpha=1, alpha=3, alpha=10, alpha=100, labels alone"
RISKS = "PCA, closed form, HeteroPCA, FA, Scaler+PCA, best features, risk of U*"

# n=20000, r=10, noise sd linear from 1 to .5
AGAINST_FEATURES = _table(
    ERRORS,
    """
d=20 | .517(9) .344(18) 2.046(129) 2.114(112) .075(2) .309(18)
d=40 | .632(7) .292(9) .122(2) .122(2) .118(2) .280(8)
d=60 | .672(5) .265(8) .153(2) .153(2) .149(2) .268(5)
d=80 | .693(3) .239(5) .180(2) .180(2) .175(2) .245(4)
d=110 | .723(6) .248(3) .216(1) .216(1) .210(2) .258(3)
d=200 | .774(4) .305(1) .296(1) .296(1) .288(1) .304(1)
    """,
)

# d=40, r=10, noise sd linear from 1 to .5
AGAINST_SAMPLES = _table(
    ERRORS,
    """
n=500 | 1.018(19) .823(14) .774(12) .774(12) .761(11) .811(13)
n=1000 | .847(10) .606(10) .541(6) .541(6) .527(6) .600(9)
n=3000 | .707(11) .391(5) .306(5) .306(5) .298(5) .393(6)
n=10000 | .627(6) .313(8) .169(3) .169(3) .165(3) .300(11)
n=50000 | .622(11) .277(11) .076(1) .076(1) .074(1) .264(10)
    """,
)

# n=20000, d=40, r=10, noise sd linear from 1 to 1/C
AGAINST_NOISE_RATIO = _table(
    ERRORS,
    """
C=1 | .173(3) .335(8) .176(3) .176(3) .176(3) .287(6)
C=1.5 | .479(6) .306(7) .138(1) .138(1) .137(1) .272(8)
C=2 | .632(5) .297(9) .119(1) .119(1) .117(1) .287(6)
C=4 | .822(8) .286(13) .099(1) .099(1) .094(1) .333(8)
C=10 | .887(6) .277(5) .088(1) .088(1) .082(1) .359(4)
    """,
)

# n=5000, d=100, r=5, noise sd s on five features and .5 on the others
AGAINST_NOISY_FEATURES = _table(
    ERRORS,
    """
s=0.5 | .171(2) .184(3) .171(2) .171(2) .171(2) .179(2)
s=0.8 | .313(9) .196(2) .182(2) .182(2) .181(2) .191(2)
s=1 | .759(16) .201(2) .188(2) .188(2) .186(2) .196(2)
s=1.2 | 1.803(16) .215(4) .202(4) .202(4) .197(4) .207(4)
s=1.5 | 2.084(13) .225(3) .211(4) .211(4) .203(3) .217(3)
s=2 | 2.135(9) .250(4) .239(5) .239(5) .221(5) .237(5)
s=3 | 2.170(4) .366(19) .378(29) .378(29) .652(124) .287(7)
    """,
)

# n=5000, r=5, noise sd 3 on five features and .5 on the others
FIVE_NOISY_AGAINST_FEATURES = _table(
    ERRORS,
    """
d=15 | 1.787(27) .509(28) .716(119) .721(117) 1.185(63) .670(19)
d=25 | 1.965(22) .391(14) .367(15) .367(15) .533(140) .427(15)
d=50 | 2.108(12) .396(9) .375(11) .375(11) .449(124) .323(8)
d=100 | 2.170(6) .377(22) .393(34) .393(34) .381(93) .308(7)
d=200 | 2.198(3) .415(9) .430(10) .430(10) .509(116) .339(5)
d=400 | 2.220(2) .509(20) .586(72) .585(72) .651(121) .407(8)
    """,
)

# n=2000, d=100, r=3, noise sd uniform between 0 and smax
UNIFORM_NOISE = _table(
    ERRORS,
    """
smax=0.5 | .178(3) .126(2) .117(3) .117(3) .111(2) .121(2)
smax=1 | .677(11) .260(7) .254(6) .254(6) .224(4) .241(5)
smax=2 | 1.623(16) .747(29) .769(33) .769(33) .461(15) .501(18)
smax=3 | 1.688(5) 1.507(10) 1.558(14) 1.558(14) .651(16) .707(15)
    """,
)

# n=5000, d=60, r=3, equal noise of sd .5, each direction on k features of its own
COHERENCE = _table(
    ERRORS,
    """
k=1 | .103(1) 1.392(11) .487(29) .692(55) 1.542(42) 1.585(15)
k=2 | .103(2) .200(4) .980(165) .978(166) .136(10) .203(4)
k=3 | .100(1) .145(2) .101(1) .101(1) .101(1) .147(2)
k=5 | .101(2) .120(2) .101(2) .101(2) .101(2) .120(2)
k=10 | .105(2) .109(2) .105(2) .105(2) .105(2) .109(2)
k=20 | .103(2) .101(2) .104(2) .104(2) .104(2) .101(2)
    """,
)

# n=5000, d=60, r=3, signal sds (kappa, 1, 1), noise sd uniform between 0 and 1.5
SPIKES = _table(
    "PCA, closed form, HeteroPCA, deflated, FA",
    """
kappa=1 | 1.323(41) .228(8) .216(10) .216(10) .167(5)
kappa=3 | 1.083(42) .254(9) .347(110) .181(8) .140(5)
kappa=10 | 1.080(42) .840(20) 1.399(2) .178(8) .137(5)
kappa=30 | 1.080(41) 1.317(18) 1.395(3) .178(8) .137(5)
    """,
)

# six classes on a simplex, r=5, d=40, 2000 samples without label, noise as AGAINST_NOISY_FEATURES
# at s=2, m labels; twenty draws
IN_DOMAIN = _table(
    ALPHAS,
    """
m=12 | 2.013(11) .358(9) 1.204(26) 1.509(20) 1.628(18) 1.662(17) 1.673(17) 1.678(17) 1.678(17)
m=30 | 2.021(10) .378(8) .741(17) 1.074(21) 1.254(20) 1.312(19) 1.333(19) 1.341(19) 1.342(19)
m=60 | 1.996(11) .363(6) .553(14) .829(21) 1.011(23) 1.075(23) 1.098(23) 1.108(23) 1.109(23)
m=120 | 2.018(12) .362(8) .420(10) .611(12) .775(13) .839(14) .864(14) .874(14) .875(14)
m=300 | 2.011(13) .362(7) .328(7) .416(9) .526(11) .576(12) .597(13) .605(13) .606(13)
m=1200 | 2.007(11) .353(8) .261(6) .244(5) .279(5) .306(5) .319(5) .324(5) .324(5)
    """,
)

# six classes on a simplex, r=5, d=20, 20000 samples without label, noise sd linear from 1 to
# .5, m labels
IN_DOMAIN_SMALL = _table(
    ALPHAS,
    """
m=60 | .450(11) .283(18) .351(7) .529(9) .689(14) .755(17) .781(18) .791(18) .793(18)
m=300 | .441(11) .279(15) .225(6) .257(7) .323(11) .357(13) .372(13) .378(13) .378(13)
m=1200 | .425(7) .271(10) .194(6) .162(4) .167(4) .178(4) .184(4) .187(4) .187(4)
m=6000 | .442(7) .263(11) .179(8) .119(5) .086(3) .083(2) .085(2) .086(2) .086(2)
    """,
)

# K classes from the quantiles of one direction of the signal, r=5, d=40, 2000 samples
# without label, noise as AGAINST_NOISY_FEATURES at s=2, 600 labels
FEW_CLASSES = _table(
    ALPHAS,
    """
K=2 | 2.010(10) .360(7) .353(7) .368(7) .388(8) .401(9) .468(11) 1.962(6) 2.013(2)
K=4 | 2.021(9) .367(5) .354(6) .362(7) .417(11) .704(32) 1.187(14) 1.886(8) 1.895(8)
    """,
)

# two classes as in FEW_CLASSES, m labels: excess of the regression risk over the features U*,
# on the task that the labels come from and on one orthogonal to it
TRANSFER = _table(
    ALPHAS,
    """
source, m=60 | .596(25) .040(11) .082(16) .162(24) .211(26) .208(22) .179(26) .308(25) .323(25)
new, m=60 | .616(20) .023(10) .019(12) .005(14) -.034(14) -.050(15) .263(45) .551(22) .577(19)
source, m=600 | .536(26) .032(8) .013(7) .013(9) .021(11) .029(12) .037(13) .056(14) .060(14)
new, m=600 | .603(20) .032(9) .032(9) .030(10) .023(10) .005(9) -.045(10) .505(24) .632(16)
source, m=6000 | .605(17) .033(9) .016(7) .010(5) .008(5) .008(5) .009(6) .018(6) .035(6)
new, m=6000 | .585(18) .025(10) .025(9) .026(9) .026(9) .024(9) .017(9) -.052(6) .626(14)
    """,
)

# as FEW_CLASSES, but 600 real labels of T orthogonal tasks, with noise of sd .1
REGRESSION_LABELS = _table(
    ALPHAS,
    """
T=1 | 2.010(10) .366(10) .354(9) .358(9) .375(8) .387(9) .392(9) .395(9) .395(9)
T=2 | 2.017(13) .373(8) .349(7) .354(7) .380(8) .399(8) .408(9) .412(9) .412(9)
T=5 | 2.033(10) .363(6) .288(6) .301(6) .375(9) .421(11) .442(11) .451(12) .452(12)
    """,
)

# as AGAINST_FEATURES: excess of risks over the features U*, and the risk of U* itself
RISK_AGAINST_FEATURES = _table(
    RISKS,
    """
d=40, regression | .0455(26) .0032(10) .0003(3) .0002(3) .0132(9) -.0295(17) .3576(45)
d=40, classification | .0053(3) .0004(1) .0000(0) .0000(0) .0015(1) -.0034(2) .3631(5)
d=40, worst task | .0322(16) .0006(7) .0005(2) .0004(3) .0082(8) -.0225(18) .4348(21)
d=80, regression | .0435(23) .0016(6) .0003(3) .0001(3) .0074(7) -.0294(13) .3660(44)
d=80, classification | .0051(3) .0002(1) .0000(0) .0000(0) .0009(1) -.0034(1) .3641(5)
d=80, worst task | .0402(15) -.0001(6) .0006(3) .0003(2) .0055(5) -.0265(13) .4185(27)
d=110, regression | .0472(23) .0019(4) .0012(4) .0010(4) .0066(4) -.0304(13) .3697(43)
d=110, classification | .0055(3) .0002(0) .0001(0) .0001(0) .0008(0) -.0035(1) .3645(5)
d=110, worst task | .0427(17) .0005(5) .0014(4) .0010(3) .0053(5) -.0288(15) .4120(27)
    """,
)

# as AGAINST_NOISY_FEATURES: the same
RISK_AGAINST_NOISY_FEATURES = _table(
    RISKS,
    """
s=0.5, regression | .0010(0) .0012(1) .0010(0) .0010(0) .0011(1) -.0000(0) .2000(0)
s=0.5, classification | .0001(0) .0001(0) .0001(0) .0001(0) .0001(0) -.0000(0) .3457(0)
s=0.5, worst task | .0013(0) .0015(1) .0013(0) .0013(0) .0014(0) .0000(0) .2000(0)
s=1, regression | .0962(145) .0017(3) .0012(3) .0010(4) .0028(4) -.0130(27) .2180(38)
s=1, classification | .0106(16) .0002(0) .0001(0) .0001(0) .0003(0) -.0014(3) .3476(4)
s=1, worst task | .1818(41) .0042(10) .0035(12) .0032(11) .0082(11) -.0369(32) .2520(48)
s=1.5, regression | .6784(217) .0019(35) .0017(37) .0006(31) .0066(40) -.0519(92) .2607(112)
s=1.5, classification | .1084(48) .0002(4) .0002(4) .0001(3) .0007(4) -.0056(10) .3523(12)
s=1.5, worst task | .6593(157) .0123(54) .0139(49) .0078(46) .0207(55) -.1161(120) .3377(155)
s=2, regression | .7094(166) .0053(56) .0066(57) .0046(55) .0123(59) -.0680(122) .2745(135)
s=2, classification | .1263(36) .0006(6) .0007(6) .0005(6) .0014(7) -.0074(14) .3538(15)
s=2, worst task | .5647(160) .0136(63) .0182(61) .0044(57) .0236(58) -.2108(136) .4349(161)
s=3, regression | .6608(201) .0523(172) .0580(176) .1115(372) .0382(118) -.1282(183) .3342(193)
s=3, classification | .1282(31) .0061(20) .0069(21) .0141(51) .0044(14) -.0142(21) .3605(22)
s=3, worst task | .4464(123) .1086(215) .1308(265) .2376(695) .0522(110) -.3337(110) .5534(123)
    """,
)

# as AGAINST_NOISY_FEATURES at s=2, against n: the same
RISK_AGAINST_SAMPLES = _table(
    RISKS,
    """
n=200, regression | .6809(185) .2590(409) .3820(405) .1300(157) .1483(173) -.0864(134) .2945(148)
n=200, classification | .1190(38) .0322(57) .0506(67) .0151(19) .0173(21) -.0095(15) .3560(16)
n=200, worst task | .5810(168) .4836(379) .5772(170) .2538(234) .2802(222) -.1965(140) .4180(165)
n=500, regression | .6810(236) .1517(205) .2082(423) .0889(177) .0992(177) -.0865(171) .2951(192)
n=500, classification | .1193(44) .0177(24) .0257(57) .0102(20) .0114(20) -.0095(19) .3561(22)
n=500, worst task | .5889(164) .2686(233) .4098(422) .1218(128) .1437(124) -.1898(141) .4103(166)
n=2000, regression | .7044(167) .0355(162) .0369(171) .0151(132) .0249(147) -.0724(124) .2791(137)
n=2000, classification | .1255(36) .0040(19) .0042(20) .0017(15) .0028(17) -.0079(14) .3543(15)
n=2000, worst task | .5706(165) .0546(178) .0663(201) .0300(125) .0499(130) -.2059(140) .4292(165)
n=20000, regression | .6793(138) .0072(48) .0084(36) .0067(35) .0165(35) -.0899(100) .2987(112)
n=20000, classification | .1195(28) .0008(5) .0009(4) .0007(4) .0018(4) -.0098(11) .3565(12)
n=20000, worst task | .5765(165) .0034(69) .0078(47) .0053(28) .0240(29) -.2005(140) .4228(165)
    """,
)

# n=20000, d=40, r=10, noise sd linear from 1 to .5, B complementary masks averaged
MASKS = _table(
    "error",
    """
B=1 | .908(28)
B=2 | .806(20)
B=5 | .590(11)
B=20 | .397(12)
B=100 | .327(12)
B=1000 | .307(14)
B=infinity | .305(15)
    """,
)

# d=40, r=5, n=5000, equal noise of sd .5, every mean shifted; five draws
MEAN_SHIFT = _table(
    "not centred, centred",
    """
shift=0 | .179 .179
shift=0.5 | .476 .179
shift=1 | 1.041 .179
shift=3 | 1.891 .179
    """,
)

# population error of the covariance without its diagonal, noise of any size; twenty draws
POPULATION = _table(
    "closed form, bound, incoherence bound",
    """
d=10 r=2 | .1981 .4875 .6766
d=20 r=5 | .2423 .7475 1.1397
d=40 r=5 | .1556 .4114 .7272
d=40 r=10 | .2733 .9656 1.5700
d=100 r=5 | .0714 .1704 .3485
d=100 r=10 | .1272 .3944 .7126
d=400 r=10 | .0369 .1015 .2214
d=1000 r=10 | .0149 .0407 .0923
    """,
)

# d=100, r=5, equal noise of sd 1
EQUAL_NOISE = _table(
    "closed form",
    """
n=1000 | .947
n=4000 | .488
n=16000 | .259
    """,
)

# Why a method's value may differ from the reference by more than chance: where its iteration has no
# limit, or more than one, the error depends on where the iteration starts and stops.
WHY_UNSTABLE = {
    "HeteroPCA": "diverges or converges slowly here: its error depends on the last step",
    "deflated": "diverges or converges slowly here: its error depends on the last step",
    "FA": "started at equal noise, it ends in one of several solutions (Scaler+FA does not), or on "
    "a ridge of the likelihood where two features do not identify a factor",
}
